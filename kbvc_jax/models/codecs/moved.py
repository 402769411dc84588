"""P- and B-frames by moved latents: references, moved as blocks, predict the latent.

references --- vectors of cells --- moved --- image codec's analysis ---+--- mode a block --- mean
    (P: latent of the one before) --------------------------------------+
frame --- image codec's analysis --- y - mean --- y --- image codec's synthesis --- fusion --- frame
                                                                        moved ---------+

As predicted.py otherwise. A P-frame is predicted by the frame before it, moved, or as it stands; a
B-frame by one picture of which each block is the mean of both moved references, or one of them. The
motion to the second reference is told by what it differs from the first one's, mirrored.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.codecs.contract import (
    BLOCK,
    WORTH,
    Choose,
    Decoded,
    Latent,
    Values,
)
from kbvc_jax.models.codecs.fusion import SIDES, fusion_pictures
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.modes import settled
from kbvc_jax.models.codecs.motion.estimation import CELL, Ways
from kbvc_jax.models.codecs.motion.search import STEPS_A_PIXEL, search
from kbvc_jax.models.codecs.panels import Flow, Image, Panel
from kbvc_jax.models.codecs.predicted import PredictedCodec, Predictors
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.ops.additions import block_sum
from kbvc_jax.ops.overlap import compensate

MOTION, SHOWN = "motion", "shown"
SHOWN_COUNTS = (128, 32, 32)  # how often both, the first and the second count as seen at first
SHOWN_DEARER = 2.0  # a bit of it has to spare so many times the squared errors of a bit of y


class Context(NamedTuple):
    frames: Sequence[Float[Array, "b h w 3"]]  # references
    memories: Sequence[Memory]  # of them
    moved: Float[Array, "2 b h w 3"] | None = None  # of a B-frame, once the motion is known
    predictors: Predictors | None = None  # once the motion is known


class MovedCodec(PredictedCodec):
    """Of P-frames."""

    observes: ClassVar[bool] = True
    first: ClassVar[int] = 1
    references: ClassVar[int] = 1
    # A bit of motion has to spare so many times the squared errors that a bit of y has to: most of
    # what motion leaves is never coded, or taken from elsewhere. Tried out: docs/design.md.
    dearer: ClassVar[float] = 25.0

    @classmethod
    def fuses(cls, config: ModelConfig) -> bool:
        """Not after alignment: its references have been moved."""
        return False

    @property
    def latents(self) -> tuple[Latent, ...]:
        height, width = (size * BLOCK // CELL for size in self.size.blocks)
        sent = Latent(MOTION, (height, width, 2 * self.references), vectors=True)
        return sent, *super().latents

    @property
    def observed(self) -> tuple[int, ...]:
        return self.latents[0].shape

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        frames, memories = zip(*references, strict=True)
        return Context(frames, memories)

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        """Closed-loop analysis of the moved frame, and the latent as it stands."""
        if latent.name != MOTION:
            return context
        (memory,), moved = context.memories, self.moved(known, context)
        still = self.network.scale_latent(memory.latent, rate)
        foreseen = jnp.stack([self.network.analyse(moved[0], rate), still])
        return context._replace(predictors=Predictors(foreseen, memory.z, moved))

    def moved(self, known: Values, context: Context) -> Float[Array, "s b h w 3"]:
        """The references."""
        pairs = zip(context.frames, self.flows(known), strict=True)
        return jnp.stack([compensate(frame, flow) for frame, flow in pairs])

    def flows(self, known: Values) -> list[Float[Array, "b mh mw 2"]]:
        """In pixels, to each reference."""
        return [lax.stop_gradient(known[MOTION]) / STEPS_A_PIXEL]

    @classmethod
    def observe(
        cls,
        ways: Ways,
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        worth: float = WORTH,
    ) -> Float[np.ndarray, "b mh mw c"]:
        return search(ways, references, worth, cls.dearer).astype(np.float32)

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b mh mw c"],
        context: Context,
        rate: Rate,
    ) -> Values:
        return {MOTION: observed}

    def settle(self, exact: Values, context: Context, rate: Rate) -> Values:
        return super().settle(exact, _known(context), rate)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name in (MOTION, SHOWN):
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
        names, shown = ("previous", "following"), dict[str, Panel]()
        for name, flow in zip(names, self.flows(known), strict=False):
            shown[f"motion to the {name}"] = Flow(flow.repeat(CELL, 1).repeat(CELL, 2))
        for name, frame in zip(names, _known(context).frames, strict=False):
            shown[f"{name}, moved"] = Image(frame)
        shown["modes"] = self.shown_modes(known, _known(context))
        if self.model.fusion is not None:
            decoded = self.before_fusion(known, context, rate).frame
            shown |= fusion_pictures(decoded, self.synthesise(known, context, rate).frame)
        return shown

    def predictor_names(self, context: Any) -> tuple[str, ...]:
        return "moved", "previous"


class BothMovedCodec(MovedCodec):
    """Of B-frames."""

    first: ClassVar[int] = 2
    references: ClassVar[int] = 2
    dearer: ClassVar[float] = 16.0

    @property
    def latents(self) -> tuple[Latent, ...]:
        sent, *others = super().latents
        return sent, Latent(SHOWN, self.size.blocks, counts=SHOWN_COUNTS), *others

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name == MOTION:
            return context._replace(moved=self.moved(known, context))
        if latent.name != SHOWN:
            return context
        assert context.moved is not None
        shown = _mixed(context.moved, known[SHOWN])
        foreseen = self.network.analyse(shown, rate)[None]
        known_of = Predictors(foreseen, context.memories[0].z, context.moved)
        return context._replace(predictors=known_of)

    def flows(self, known: Values) -> list[Float[Array, "b mh mw 2"]]:
        previous, differs = jnp.split(lax.stop_gradient(known[MOTION]) / STEPS_A_PIXEL, 2, -1)
        return [previous, differs - previous]

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b mh mw c"],
        context: Context,
        rate: Rate,
    ) -> Values:
        moved = self.moved({MOTION: observed}, context)
        each = jnp.stack([moved.mean(0), *moved], -1)
        errors = block_sum(jnp.square(each - frame[..., None]).sum(-2), BLOCK)
        weight = lambda_of(rate.quality, self.model.config) * 255**2 / 3 / SHOWN_DEARER
        shown = settled(weight[:, None, None, None] * errors)
        return {MOTION: observed, SHOWN: shown.astype(jnp.float32)}

    def predictor_names(self, context: Any) -> tuple[str, ...]:
        return ("moved",)


def _mixed(
    moved: Float[Array, "2 b h w 3"], shown: Float[Array, "b lh lw"]
) -> Float[Array, "b h w 3"]:
    """Of each block both, the first or the second."""
    share = jnp.array((0.5, 1.0, 0.0))[shown.astype(jnp.int32)]
    share = share.repeat(BLOCK, 1).repeat(BLOCK, 2)[..., None]
    return share * moved[0] + (1 - share) * moved[1]


def _known(context: Context) -> Predictors:
    """Once the motion is."""
    assert context.predictors is not None
    return context.predictors
