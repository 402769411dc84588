"""A frame by sent motion: what its references show where it has them predicts its latent.

references --- sent motion --- both moved --- blend --- image encoder --- means of y
                                  |                                         |
                                  +------ fusion --- frame --- image decoder --- y
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, UInt

from kbvc_jax.models.codecs.contract import Choose, Decoded, Latent, Symbols, Values
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion.estimation import observe
from kbvc_jax.models.codecs.motion.network import MotionNetwork, Moved
from kbvc_jax.models.codecs.predicted import PredictedCodec, Predictors
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate

MOTION, MOTION_Z = "motion", "motion_z"


class Context(NamedTuple):
    sides: Float[Array, "2 b h w 3"]  # references; one serves as both
    memories: tuple[Memory | None, Memory | None]  # None: of the motion alone
    moved: Moved | None = None  # once the motion is known
    of_y: Predictors | None = None

    @property
    def predictors(self) -> Predictors:
        assert self.of_y is not None  # the motion is coded before y
        return self.of_y


class MotionCodec(PredictedCodec):
    observes: ClassVar[bool] = True
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {
        **PredictedCodec.priors,
        MOTION: (MOTION_Z, MOTION),
    }
    ERROR_WEIGHT: ClassVar[float] = 30.0  # bits worth a squared error of 1 of the motion's latent

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.motion is not None

    @property
    def motion(self) -> MotionNetwork:
        return self.model.motion

    @property
    def latents(self) -> tuple[Latent, ...]:
        hyperprior = self.motion.hyperprior
        z = *self.size.cells(hyperprior.stride), hyperprior.z_channels
        m = *self.size.blocks, hyperprior.channels
        sent = Latent(MOTION_Z, z, MOTION), Latent(MOTION, m, error_weight=self.ERROR_WEIGHT)
        return *sent, *super().latents

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        first, last = references[0], references[-1]
        return Context(jnp.stack([first.frame, last.frame]), (first.memory, last.memory))

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != MOTION:
            return context
        moved = self.motion.synthesise(known[MOTION], context.sides, rate)
        foreseen = self.network.analyse(moved.blend, rate)
        before, after = (
            self.network.scale_latent(memory.latent, rate) for memory in context.memories if memory
        )
        latents = jnp.stack([foreseen, before, after])
        assert context.memories[0]
        predictors = Predictors(latents, context.memories[0].z, moved.sides)
        return context._replace(moved=moved, of_y=predictors)

    @classmethod
    def observe(
        cls, frames: UInt[np.ndarray, "b h w 3"], references: Sequence[UInt[np.ndarray, "b h w 3"]]
    ) -> Float[np.ndarray, "b 2 mh mw 2"]:
        return observe(frames, references)

    def analyse(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b 2 mh mw 2"],
        context: Context,
        rate: Rate,
    ) -> Values:
        motion = self.motion.analyse(frame, context.sides, observed, rate)
        sent = {MOTION_Z: self.motion.hyperprior.hyper_latent(motion), MOTION: motion}
        return sent | dict(super().analyse(frame, None, None, rate))

    def settle(self, exact: Values, context: Context, rate: Rate) -> Values:
        """Under motion as the nearest symbols have it."""
        known: dict[str, Array] = {}
        for latent in self.latents[:2]:
            mean = self.mean(
                latent, known, lambda m, e=exact[latent.name]: jnp.rint(e - m), context, rate
            )
            known[latent.name] = mean + jnp.rint(exact[latent.name] - mean)
        learnt = self.learn(self.latents[1], known, context, rate)
        return super().settle(exact, learnt.predictors, rate)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name == MOTION_Z:
            return jnp.zeros((len(rate.level), *latent.shape))
        if latent.name == MOTION:
            return self.motion.mean(known[MOTION_Z], self.size.blocks, choose)
        return super().mean(latent, known, choose, context.predictors, rate)

    def density(
        self, latent: Latent, known: Values, context: Context, rate: Rate
    ) -> Gaussian | Learned:
        hyperprior = self.motion.hyperprior
        if latent.name == MOTION_Z:
            return Learned(hyperprior, rate)
        if latent.name == MOTION:
            scale = hyperprior.log2_scale(known[MOTION_Z], rate, *self.size.blocks)
            return Gaussian(jnp.exp2(scale))
        return super().density(latent, known, context.predictors, rate)

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Memory], rate: Rate
    ) -> Integer[Array, "b ..."]:
        if latent.name not in (MOTION, MOTION_Z):
            return super().tables(latent, symbols, memories, rate)
        if latent.name == MOTION_Z:
            return self.z_tables(MOTION, latent, rate)
        return self.y_tables(MOTION, symbols[MOTION_Z], rate)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        assert context.moved is not None  # the walk has learnt it
        frame = self.network.synthesise(known["y"], rate)
        if self.model.fusion is not None:
            frame = self.model.fusion(frame, context.moved.sides, rate.quality)
        return Decoded(frame, self.memory(known, rate))
