"""Scale-space flow (Agustsson et al. 2020), the codec that the first paper measures itself against.

frame, reference --- encoder --- motion --- decoder --- flow, scale
                                                            |
reference --- scale-space volume --- warp --- predicted ----+------------- + --- frame
                           frame - predicted --- encoder --- y --- decoder (has the motion, too)

Of P-frames: the one reference is the frame before.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec, LatentNetwork
from kbvc_jax.models.codecs.contract import Decoded, Latent, Values
from kbvc_jax.models.codecs.panels import Difference, Flow, Image, Panel, Share
from kbvc_jax.models.config import ModelConfig, SsfConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import downsampling, upsampling
from kbvc_jax.ops.scale_space import gaussian_volume, warp_volume

MOTION, MOTION_Z = "motion", "motion_z"
OUT = 2 + 1  # of the motion's decoder: flow, scale
FIRST_SCALE = 0.5  # between the frame and the first level; at a whole one it would have no slope


class Warped(NamedTuple):
    flow: Float[Array, "b h w 2"]  # in pixels
    scale: Float[Array, "b h w 1"]  # in levels
    predicted: Float[Array, "b h w 3"]


class Context(NamedTuple):
    reference: Float[Array, "b h w 3"]
    warped: Warped | None = None  # once the motion is known
    motion: Float[Array, "b lh lw m"] | None = None


class SsfMotion(LatentNetwork):
    LEVELS = range(0, 1)

    def __init__(self, config: ModelConfig, own: SsfConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        super().__init__(config, own.motion, self.LEVELS, dtype, rngs)
        self.config = own
        m, n = own.motion.latent_channels, own.motion.hidden_channels
        self.encoder = downsampling(2 * 3, *n, m, dtype=dtype, rngs=rngs)
        self.decoder = upsampling(m, *reversed(n), OUT, dtype=dtype, rngs=rngs)
        # Step 0 predicts about the reference itself.
        last = self.decoder.layers[-1]
        last.kernel[...] *= 0.01
        last.bias[...] = last.bias[...].at[2].set(FIRST_SCALE)

    def analyse(
        self, frame: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"], rate: Rate
    ) -> Float[Array, "b lh lw m"]:
        both = jnp.concatenate([frame, reference], -1) - 0.5
        return self.scale_latent(self.encoder(both), rate)

    def warp(
        self, latent: Float[Array, "b lh lw m"], reference: Float[Array, "b h w 3"], rate: Rate
    ) -> Warped:
        out = self.decoder(self.unscale_latent(latent, rate)).astype(jnp.float32)
        flow, scale = out[..., :2], out[..., 2:]
        volume = gaussian_volume(reference, self.config.sigma, self.config.levels)
        return Warped(flow, scale, warp_volume(volume, flow, scale))


class SsfResidual(LatentNetwork):
    LEVELS = range(0, 1)

    def __init__(self, config: ModelConfig, own: SsfConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        super().__init__(config, own.residual, self.LEVELS, dtype, rngs)
        m, n = own.residual.latent_channels, own.residual.hidden_channels
        seen = m + own.motion.latent_channels
        self.encoder = downsampling(3, *n, m, dtype=dtype, rngs=rngs)
        self.decoder = upsampling(seen, *reversed(n), 3, dtype=dtype, rngs=rngs)

    def analyse(
        self, frame: Float[Array, "b h w 3"], predicted: Float[Array, "b h w 3"], rate: Rate
    ) -> Float[Array, "b lh lw m"]:
        return self.scale_latent(self.encoder(frame - predicted), rate)

    def synthesise(
        self, latent: Float[Array, "b lh lw m"], motion: Float[Array, "b lh lw k"], rate: Rate
    ) -> Float[Array, "b h w 3"]:
        both = jnp.concatenate([self.unscale_latent(latent, rate), motion], -1)
        return self.decoder(both).astype(jnp.float32)


class SsfCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "ssf"
    first: ClassVar[int] = 2  # the motion's
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {
        "ssf_motion": (MOTION_Z, MOTION),
        OWN: ("z", "y"),
    }

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.ssf is not None

    @property
    def motion(self) -> SsfMotion:
        return self.model.ssf_motion

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        return Context(references[0].frame)

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: None, context: Context, rate: Rate
    ) -> Values:
        y = self.network.analyse(frame, self._warped(context).predicted, rate)
        return {"z": self.network.hyperprior.hyper_latent(y), "y": y}

    def analyse_first(
        self, frame: Float[Array, "b h w 3"], observed: None, context: Context, rate: Rate
    ) -> Values:
        motion = self.motion.analyse(frame, context.reference, rate)
        return {MOTION_Z: self.motion.hyperprior.hyper_latent(motion), MOTION: motion}

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != MOTION:
            return context
        warped = self.motion.warp(known[MOTION], context.reference, rate)
        motion = self.motion.unscale_latent(known[MOTION], rate)
        return context._replace(warped=warped, motion=motion)

    def _warped(self, context: Context) -> Warped:
        assert context.warped is not None
        return context.warped

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        residual = self.network.synthesise(known["y"], context.motion, rate)
        return Decoded(self._warped(context).predicted + residual, None)

    def pictures(self, known: Values, context: Any, rate: Rate) -> Mapping[str, Panel]:
        flow, scale, predicted = self._warped(context)
        shown = self.synthesise(known, context, rate).frame
        return {
            "motion to the previous": Flow(flow),
            "scale": Share(scale[..., 0] / self.motion.config.levels),
            "previous, warped": Image(predicted),
            "residual": Difference(shown - predicted),
        }
