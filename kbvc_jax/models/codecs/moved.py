"""P-frames by moved latents: the frame before, moved by sent motion, predicts the latent.

frame before --- sent motion --- moved --- image codec's analysis ---+--- mode a position --- mean
        its latent --------------------------------------------------+
frame --- image codec's analysis --- y - mean --- y --- image codec's synthesis --- fusion --- frame
                                                                        moved ---------+

As predicted.py otherwise. Of the motion network's two directions the first one is sent; the other
has the mirrored motion, as in the middle of a steady one, and what is missing of it is never told.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, UInt

from kbvc_jax.models.codecs.contract import Choose, Decoded, Latent, Size, Symbols, Values, Ways
from kbvc_jax.models.codecs.fusion import SIDES, fusion_pictures
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion import codec as motion
from kbvc_jax.models.codecs.motion.codec import MotionCodec
from kbvc_jax.models.codecs.panels import Flow, Image, Panel
from kbvc_jax.models.codecs.predicted import PredictedCodec, Predictors
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.entropy_model import IntegerPrior
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.ops.densities import scale_table

CERTAIN = 0  # the table that makes its symbol so


class Context(NamedTuple):
    memory: Memory  # of the frame before
    sent: motion.Context
    predictors: Predictors | None = None  # once the motion is known


class MovedCodec(PredictedCodec):
    observes: ClassVar[bool] = True
    first: ClassVar[int] = MotionCodec.first

    def __init__(self, model: Any, size: Size, integers: Mapping[str, IntegerPrior] | None = None):
        super().__init__(model, size, integers)
        self._motion = MotionCodec(model, size, integers)

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.motion is not None

    @classmethod
    def fuses(cls, config: ModelConfig) -> bool:
        """Not after alignment: its reference has been moved."""
        return False

    @property
    def latents(self) -> tuple[Latent, ...]:
        return *self._sent, *super().latents

    @property
    def _sent(self) -> tuple[Latent, ...]:
        """z and latent of the motion."""
        return self._motion.latents[: self.first]

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        frame, memory = references[0]
        return Context(memory, self._motion.context([Decoded(frame, None)], rate))

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        """Closed-loop analysis of the moved frame, and the latent as it stands."""
        if latent.name != motion.MOTION:
            return context
        sent = self._motion.learn(latent, known, context.sent, rate)
        moved = self._motion.moved(sent).sides[0]
        foreseen = self.network.analyse(moved, rate)
        still = self.network.scale_latent(context.memory.latent, rate)
        known_of = Predictors(jnp.stack([foreseen, still]), context.memory.z, moved[None])
        return context._replace(sent=sent, predictors=known_of)

    @classmethod
    def observe(
        cls,
        frames: UInt[np.ndarray, "b h w 3"],
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        ways: Ways = (),
    ) -> Float[np.ndarray, "b 2 mh mw 2"]:
        found = MotionCodec.observe(frames, references[:1], ways[:1])
        return found * np.array([1, -1], found.dtype)[:, None, None, None]

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b 2 mh mw 2"],
        context: Context,
        rate: Rate,
    ) -> Values:
        return self._motion.analyse_first(frame, observed, context.sent, rate)

    def settle(self, exact: Values, context: Context, rate: Rate) -> Values:
        return super().settle(exact, _known(context), rate)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent in self._sent:
            return self._motion.mean(latent, known, choose, context.sent, rate)
        return super().mean(latent, known, choose, _known(context), rate)

    def density(
        self, latent: Latent, known: Values, context: Context, rate: Rate
    ) -> Gaussian | Learned:
        if latent not in self._sent:
            return super().density(latent, known, _known(context), rate)
        density = self._motion.density(latent, known, context.sent, rate)
        if not isinstance(density, Gaussian):
            return density
        return Gaussian(jnp.where(_mirrored(latent), scale_table()[CERTAIN], density.scale))

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Memory], rate: Rate
    ) -> Integer[Array, "b ..."]:
        if latent not in self._sent:
            return super().tables(latent, symbols, memories, rate)
        tables = self._motion.tables(latent, symbols, memories, rate)
        if latent.name != motion.MOTION:
            return tables
        return jnp.where(_mirrored(latent), jnp.array(CERTAIN, tables.dtype), tables)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        frame, memory = self.before_fusion(known, context, rate)
        if self.model.fusion is None:
            return Decoded(frame, memory)
        sides = jnp.broadcast_to(_known(context).frames[0], (SIDES, *frame.shape))
        return Decoded(self.model.fusion(frame, sides, rate.quality), memory)

    def pictures(self, known: Values, context: Context, rate: Rate) -> Mapping[str, Panel]:
        shown: dict[str, Panel] = {
            "motion to the previous": Flow(self._motion.moved(context.sent).flows[0]),
            "previous, warped": Image(_known(context).frames[0]),
            "modes": self.shown_modes(known, _known(context)),
        }
        if self.model.fusion is not None:
            decoded = self.before_fusion(known, context, rate).frame
            shown |= fusion_pictures(decoded, self.synthesise(known, context, rate).frame)
        return shown

    def predictor_names(self, context: Any) -> tuple[str, ...]:
        return "moved", "previous"


def _mirrored(latent: Latent) -> np.ndarray:
    """The channels of the direction that is not sent."""
    channels = latent.shape[-1]
    return np.arange(channels) >= channels // 2


def _known(context: Context) -> Predictors:
    """Once the motion is."""
    assert context.predictors is not None
    return context.predictors
