"""The averaged weights on held-out groups, over a ladder of qualities.

Symbols are rounded, frames are on the 8-bit grid and bits are those that coding would write.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from kbvc_jax.training.sample import Found
from kbvc_jax.training.stages import Stage
from kbvc_jax.training.step import TrainState, evaluation_step, fetch, split_batch

Batch = UInt8[np.ndarray, "b t h w 3"]


class Validation(NamedTuple):
    loss: float  # the mean over the ladder: what "best" means
    ladder: list[dict[str, float]]  # quality, psnr, bpp, ... of each rung
    # The first group: as it was, and as each rung shows it.
    source: UInt8[np.ndarray, "t h w 3"]
    found: list[Found]

    @property
    def summary(self) -> dict[str, float]:
        """One flat row, however many rungs: psnr/50 is the PSNR at quality 50."""
        rungs = {
            f"{name}/{rung['quality']:g}": rung[name]
            for rung in self.ladder
            for name in ("psnr", "bpp", "loss")
            if name in rung
        }
        return {"loss": self.loss, **rungs}


class Validator:
    def __init__(self, stage: Stage, batches: Sequence[Batch]):
        self._evaluate = evaluation_step(stage.evaluate)
        self._qualities, self._batches = stage.qualities, batches
        self._prepare = stage.prepare

    def __bool__(self) -> bool:
        return len(self._batches) > 0

    def __call__(self, state: TrainState) -> Validation:
        weights = state.average | state.frozen
        ladder, pictures = [], []
        for quality in self._qualities:
            rows = []
            for index, batch in enumerate(self._batches):
                groups = split_batch(self._prepare(batch))
                metrics, found = self._evaluate(weights, groups, jnp.float32(quality))
                rows.append(fetch(metrics))
                if index == 0:
                    pictures.append(fetch(found))
            means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
            ladder.append({"quality": quality, **means})
        loss = float(np.mean([rung["loss"] for rung in ladder]))
        return Validation(loss, ladder, self._batches[0][0], pictures)
