"""Seconds by stage, of a network whose steps say when they have ended."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import jax

from kbvc_jax.codec.network import Batch
from kbvc_jax.codec.payload import Coded
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.models.checkpoint import InferenceModel

# In the order of a table.
PREDICTION = "prediction"
ANALYSIS = "analysis"
QUANTISATION = "quantisation"
REFINEMENT = "refinement"
TABLES = "tables"
SYNTHESIS = "synthesis"
PRICES = "prices"
RANGE_CODING = "range coding"
REST = "rest"
STAGES = (
    PREDICTION,
    ANALYSIS,
    QUANTISATION,
    REFINEMENT,
    TABLES,
    SYNTHESIS,
    PRICES,
    RANGE_CODING,
    REST,
)


class Stopwatch:
    """Every moment from `start` to the last lap belongs to one stage."""

    def __init__(self):
        self._seconds = defaultdict[str, float](float)
        self.start()

    def start(self) -> None:
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What has passed since the lap before."""
        now = time.perf_counter()
        self._seconds[stage] += now - self._last
        self._last = now

    @property
    def seconds(self) -> dict[str, float]:
        return {stage: self._seconds[stage] for stage in STAGES if stage in self._seconds}


class TimedNetwork(EncoderNetwork):
    """Waits for the end of each step, which the codec itself does not: a little slower."""

    def __init__(self, inference: InferenceModel, bit_depth: int, stopwatch: Stopwatch):
        super().__init__(inference, bit_depth)
        self._stopwatch = stopwatch

    def batch(self, *parts: Any) -> Batch:
        return self._step(REST, super().batch, *parts)

    def context(self, *parts: Any) -> Any:
        return self._step(PREDICTION, super().context, *parts)

    def analyse(self, *parts: Any) -> Any:
        return self._step(ANALYSIS, super().analyse, *parts)

    def choose(self, *parts: Any) -> Any:
        return self._step(QUANTISATION, super().choose, *parts)

    def slope(self, *parts: Any) -> Any:
        return self._step(REFINEMENT, super().slope, *parts)

    def error_slope(self, *parts: Any) -> Any:
        return self._step(REFINEMENT, super().error_slope, *parts)

    def tables(self, *parts: Any) -> Any:
        """A decoder asks for them between two latents that it reads."""
        self._stopwatch.lap(RANGE_CODING)
        return self._step(TABLES, super().tables, *parts)

    def reconstruct(self, *parts: Any) -> Any:
        return self._step(SYNTHESIS, super().reconstruct, *parts)

    def bits(self, *parts: Any) -> Any:
        return self._step(PRICES, super().bits, *parts)

    def watch(self, record: GopRecord, depth: int, coded: Sequence[Coded]) -> None:
        """For a decoder to call where the symbols of a depth have been read."""
        self._stopwatch.lap(RANGE_CODING)

    def _step(self, stage: str, step: Callable[..., Any], *parts: Any) -> Any:
        self._stopwatch.lap(REST)
        done = jax.block_until_ready(step(*parts))
        self._stopwatch.lap(stage)
        return done
