"""P-frames by moved latents: the frame before, moved as blocks, predicts the latent.

frame before --- vectors of cells --- moved --- image codec's analysis ---+--- mode a block --- mean
its latent ---------------------------------------------------------------+
frame --- image codec's analysis --- y - mean --- y --- image codec's synthesis --- fusion --- frame
                                                                        moved ---------+

As predicted.py otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.codecs.contract import WORTH, Choose, Decoded, Latent, Values
from kbvc_jax.models.codecs.fusion import SIDES, fusion_pictures
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion import blocks
from kbvc_jax.models.codecs.motion.blocks import MOTION
from kbvc_jax.models.codecs.motion.estimation import CELL, Ways
from kbvc_jax.models.codecs.motion.search import search
from kbvc_jax.models.codecs.panels import Flow, Image, Panel
from kbvc_jax.models.codecs.predicted import PredictedCodec, Predictors
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate

# A bit of motion has to spare so many times the squared errors that a bit of y has to: most of what
# motion leaves is never coded, or taken from elsewhere. Tried out: docs/design.md.
MOTION_DEARER = 25.0


class Context(NamedTuple):
    frame: Float[Array, "b h w 3"]  # the reference
    memory: Memory  # of it
    predictors: Predictors | None = None  # once the motion is known


class MovedCodec(PredictedCodec):
    observes: ClassVar[bool] = True
    first: ClassVar[int] = 1

    @classmethod
    def fuses(cls, config: ModelConfig) -> bool:
        """Not after alignment: its reference has been moved."""
        return False

    @property
    def latents(self) -> tuple[Latent, ...]:
        return blocks.motion_latent(self.size, references=1), *super().latents

    @property
    def observed(self) -> tuple[int, ...]:
        return self.latents[0].shape

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        (reference,) = references
        return Context(reference.frame, reference.memory)

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        """Closed-loop analysis of the moved frame, and the latent as it stands."""
        if latent.name != MOTION:
            return context
        moved = blocks.moved(context.frame[None], known[MOTION])
        still = self.network.scale_latent(context.memory.latent, rate)
        foreseen = jnp.stack([self.network.analyse(moved[0], rate), still])
        return context._replace(predictors=Predictors(foreseen, context.memory.z, moved))

    @classmethod
    def observe(
        cls,
        ways: Ways,
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        worth: float = WORTH,
    ) -> Float[np.ndarray, "b mh mw 2"]:
        return search(ways, references, worth, MOTION_DEARER).astype(np.float32)

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b mh mw 2"],
        context: Context,
        rate: Rate,
    ) -> Values:
        return {MOTION: observed}

    def settle(self, exact: Values, context: Context, rate: Rate) -> Values:
        return super().settle(exact, _known(context), rate)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name == MOTION:
            return jnp.zeros((len(rate.level), *latent.shape))
        return super().mean(latent, known, choose, _known(context), rate)

    def density(
        self, latent: Latent, known: Values, context: Context, rate: Rate
    ) -> Gaussian | Learned:
        return super().density(latent, known, _known(context), rate)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        frame, memory = self.before_fusion(known, context, rate)
        if self.model.fusion is None:
            return Decoded(frame, memory)
        sides = jnp.broadcast_to(_known(context).frames, (SIDES, *frame.shape))
        return Decoded(self.model.fusion(frame, sides, rate.quality), memory)

    def pictures(self, known: Values, context: Context, rate: Rate) -> Mapping[str, Panel]:
        (flow,) = blocks.flows(known[MOTION])
        (frame,) = _known(context).frames
        shown: dict[str, Panel] = {
            "motion to the previous": Flow(flow.repeat(CELL, 1).repeat(CELL, 2)),
            "previous, moved": Image(frame),
            "modes": self.shown_modes(known, _known(context)),
        }
        if self.model.fusion is not None:
            decoded = self.before_fusion(known, context, rate).frame
            shown |= fusion_pictures(decoded, self.synthesise(known, context, rate).frame)
        return shown

    def predictor_names(self, context: Any) -> tuple[str, ...]:
        return "moved", "previous"


def _known(context: Context) -> Predictors:
    """Once the motion is."""
    assert context.predictors is not None
    return context.predictors
