"""What codecs share whose latents have hyperpriors: of each z, then y by what z tells of it.

y --- x gain --- quantiser + hyperprior --- / gain
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Integer

from kbvc_jax.models.codecs.contract import Choose, FrameCodec, Latent, Symbols, Values
from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Hyperprior, Learned, Rate
from kbvc_jax.models.rate_control import gain_curve

# Bits worth a squared error of 1: docs/design.md, RDO quantisation.
ERROR_WEIGHT = 60.0


class LatentNetwork(nnx.Module):
    """Gains around a hyperprior."""

    def __init__(
        self,
        config: ModelConfig,
        own: CodecConfig,
        levels: range,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        m = own.latent_channels
        self.hyperprior = Hyperprior(config, own, levels, dtype, rngs)
        gains = config.gains
        self.gain = gain_curve(config, m, levels, +1) if gains else None
        self.inverse_gain = gain_curve(config, m, levels, -1) if gains else None

    def scale_latent(self, y: Float[Array, "*p b h w m"], rate: Rate) -> Float[Array, "*p b h w m"]:
        y = y.astype(jnp.float32)
        if self.gain is None:
            return y
        return y * jnp.exp2(self.gain(rate.quality, rate.level))[:, None, None]

    def known_latent(self, y: Float[Array, "b h w m"], rate: Rate) -> Float[Array, "b h w m"]:
        """As it was before its gain: from here frames of other rates can predict theirs."""
        if self.gain is None:
            return y
        return y * jnp.exp2(-self.gain(rate.quality, rate.level))[:, None, None]

    def unscale_latent(self, y: Float[Array, "b h w m"], rate: Rate) -> Float[Array, "b h w m"]:
        if self.inverse_gain is None:
            return y
        return y * jnp.exp2(self.inverse_gain(rate.quality, rate.level))[:, None, None]


class HyperpriorCodec(FrameCodec):
    """The part of the contract that is about them; a codec adds its transforms."""

    OWN: ClassVar[str]  # the model's network that a frame is made with
    error_weight: ClassVar[float | None] = ERROR_WEIGHT

    @property
    def network(self) -> Any:
        """A LatentNetwork."""
        return getattr(self.model, self.OWN)

    def hyperprior(self, prior: str) -> Any:
        return getattr(self.model, prior).hyperprior

    @property
    def latents(self) -> tuple[Latent, ...]:
        out = []
        for prior, (z, y) in self.priors.items():
            own = self.hyperprior(prior)
            cells = *self.size.cells(own.stride), own.z_channels
            out += [
                Latent(z, cells, prior),
                Latent(y, (*self.size.blocks, own.channels), error_weight=self.error_weight),
            ]
        return tuple(out)

    def prior_of(self, latent: Latent) -> tuple[str, str]:
        """Whose it is, and the name of that one's z."""
        return next((prior, z) for prior, (z, y) in self.priors.items() if latent.name in (z, y))

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Any, rate: Rate
    ) -> Float[Array, "b ..."]:
        prior, z = self.prior_of(latent)
        if latent.name == z:
            return super().mean(latent, known, choose, context, rate)
        return self.hyperprior(prior).mean(known[z], *self.size.blocks)

    def density(
        self, latent: Latent, known: Values, context: Any, rate: Rate
    ) -> Gaussian | Learned:
        prior, z = self.prior_of(latent)
        own = self.hyperprior(prior)
        if latent.name == z:
            return Learned(own, rate)
        return Gaussian(jnp.exp2(own.log2_scale(known[z], rate, *self.size.blocks)))

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Any], rate: Rate
    ) -> Integer[Array, "b ..."]:
        prior, z = self.prior_of(latent)
        if latent.name == z:
            return self.z_tables(prior, latent, rate)
        return self.y_tables(prior, symbols[z], rate)
