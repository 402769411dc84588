"""Fine-grained motion compression and selective temporal fusion (arXiv 2506.07709).

frame, references --- flow --- less what is predicted --- motion, sent
                                                            |
references --- features --- moved there, selective fusion --- contexts, blend
                                                                      |
                                         frame --- y, sent --- blend + residual --- frame
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec
from kbvc_jax.models.codecs.contract import Choose, Decoded, Latent, Size, Values
from kbvc_jax.models.codecs.motion.fine.contexts import Fused, Scales
from kbvc_jax.models.codecs.motion.fine.frame_coder import FineFrame
from kbvc_jax.models.codecs.motion.fine.motion_coder import FineMotion
from kbvc_jax.models.codecs.motion.network import Moved
from kbvc_jax.models.codecs.motion.pictures import motion_pictures
from kbvc_jax.models.codecs.panels import Difference, Panel
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.ops.warp import warp

MOTION, MOTION_Z = "motion", "motion_z"
FEATURE_LIMIT = 8.0  # of the features that are kept
DOUBT = 0.06  # where moved references differ by this, predicted motion is trusted in part, 1 / e
Flows = tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]]


class Memory(NamedTuple):
    """Of a frame of this codec; of any other all zeros."""

    # Not rounded: of two machines one would be a whole step off where the other is a last bit off.
    feature: Float[Array, "b h/2 w/2 c"]
    motion: Float[Array, "b h/4 w/4 d"]
    latent: Float[Array, "b lh lw y"]
    level: Int[Array, "b"]  # from 1; 0: nothing is known


class Context(NamedTuple):
    sides: Float[Array, "2 b h w 3"]
    memories: tuple[Memory, Memory]
    predicted: Flows
    features: tuple[Scales, Scales]
    # Once the motion is known:
    fused: Fused | None = None
    motion: Float[Array, "b h/4 w/4 d"] | None = None  # its features
    flows: Flows | None = None

    @property
    def present(self) -> Float[Array, "b 2"]:
        return jnp.stack([memory.level > 0 for memory in self.memories], -1).astype(jnp.float32)


class FineCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "fine"
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {
        "fine_motion": (MOTION_Z, MOTION),
        OWN: ("z", "y"),
    }
    first: ClassVar[int] = 2  # the motion's
    error_weight: ClassVar[float | None] = None  # to the nearest
    levels: ClassVar[range] = FineFrame.LEVELS
    needs_memory: ClassVar[bool] = True
    keeps: ClassVar[type | None] = Memory
    refined: ClassVar[bool] = False  # y depends on the motion as it is coded

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.fine is not None

    @classmethod
    def recalled(cls, memory: Any, config: ModelConfig, size: Size) -> Memory:
        if isinstance(memory, Memory):
            return memory
        own = config.fine
        assert own is not None
        rows, columns = size.blocks
        return Memory(
            jnp.zeros((1, 8 * rows, 8 * columns, own.context_channels[0])),
            jnp.zeros((1, 4 * rows, 4 * columns, own.motion_channels)),
            jnp.zeros((1, rows, columns, own.latent_channels)),
            jnp.zeros(1, jnp.int32),
        )

    @property
    def motion(self) -> FineMotion:
        return self.model.fine_motion

    @property
    def frame(self) -> FineFrame:
        return self.model.fine

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        both = references[0], references[-1]
        sides = jnp.stack([side.frame for side in both])
        memories = both[0].memory, both[1].memory
        predicted = self._predict(sides, rate)
        features = [
            self.frame.contexts.features(side.frame, side.memory.feature, side.memory.level)
            for side in both
        ]
        return Context(sides, memories, predicted, (features[0], features[1]))

    def _predict(self, sides: Float[Array, "2 b h w 3"], rate: Rate) -> Flows:
        """By the interpolator, the less the more its moved frames disagree."""
        interpolator = self.model.interpolator
        if interpolator is None or not self.model.config.fine.predictor:
            nothing = jnp.zeros((*sides.shape[1:4], 2))
            return nothing, nothing
        assert rate.distances is not None
        distances = rate.distances.astype(jnp.float32)
        time = distances[:, 0] / jnp.maximum(distances.sum(-1), 1)
        flows = interpolator.intermediate(*sides, time=time).motion
        moved = [warp(side, flow) for side, flow in zip(sides, flows, strict=True)]
        doubt = jnp.abs(moved[0] - moved[1]).mean(-1, keepdims=True)
        trust = jnp.exp(-((doubt / DOUBT) ** 2))
        return trust * flows[0], trust * flows[1]

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: None, context: Context, rate: Rate
    ) -> Values:
        assert context.fused is not None
        y = self.frame.encoder(frame, context.fused) * self.frame.step(rate)
        beside = self._beside(context)
        return {"z": self.frame.hyperprior.hyper_latent(y, beside), "y": y}

    def analyse_first(
        self, frame: Float[Array, "b h w 3"], observed: None, context: Context, rate: Rate
    ) -> Values:
        flows = [self.model.flow(frame, side) for side in context.sides]
        left = [v - p for v, p in zip(flows, context.predicted, strict=True)]
        known = [memory.motion for memory in context.memories]
        m = self.motion.analyse((left[0], left[1]), (known[0], known[1]), context.present, rate)
        return {MOTION_Z: self.motion.hyperprior.hyper_latent(m), MOTION: m}

    def _beside(self, context: Context) -> Float[Array, "b lh lw y"]:
        assert context.fused is not None
        return self.frame.of_context(context.fused.contexts[-1]).astype(jnp.float32)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name == MOTION:
            return self.motion.mean(known[MOTION_Z], context.predicted, self.size.blocks, choose)
        if latent.name == "y":
            memories = [memory.latent for memory in context.memories]
            parts = self._beside(context), memories, context.present
            return self.frame.mean(known["z"], *parts, choose, rate)
        return super().mean(latent, known, choose, context, rate)

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != MOTION:
            return context
        motion = self.motion.synthesise(known[MOTION], context.predicted, rate)
        fused = self.frame.contexts(context.sides, context.features, motion.flows, rate)
        return context._replace(fused=fused, motion=motion.features, flows=motion.flows)

    def moved(self, context: Context) -> Moved:
        """By motion alone, without the weights that contexts tell: both sides count alike."""
        assert context.fused is not None and context.flows is not None
        sides = jnp.stack(context.fused.moved)
        share = jnp.full((*sides.shape[1:4], 1), 0.5)
        return Moved(sides, sides.mean(0), jnp.stack(context.flows), share)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        assert context.fused is not None and context.motion is not None
        latent = known["y"] * self.frame.inverse_step(rate)
        shown = self.frame.decoder(latent, context.fused)
        feature = jnp.clip(shown.feature, -FEATURE_LIMIT, FEATURE_LIMIT)
        memory = Memory(feature, context.motion, latent, rate.level + 1)
        return Decoded(shown.frame, memory)

    def pictures(self, known: Values, context: Context, rate: Rate) -> Mapping[str, Panel]:
        fused, flows = context.fused, context.flows
        assert fused is not None and flows is not None
        shown = self.synthesise(known, context, rate).frame
        moved = jnp.stack(fused.moved)
        return {
            **motion_pictures(jnp.stack(flows), moved, fused.blend, fused.share),
            "residual": Difference(shown - fused.blend),
        }
