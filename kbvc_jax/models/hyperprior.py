"""Mean-and-scale hyperprior (Minnen et al. 2018, as scale-space flow uses it).

y --- hyper-encoder --- z --- round ---+--- mean decoder  --- mean of each y
                        |              +--- scale decoder --- scale of each y
              factorised density
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.layers import downsampling, upsampling
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.rate_control import scale_curve, spread_curve
from kbvc_jax.ops import densities

Z_SPREAD = 1.0  # of z's densities at first, in bins: training starts with z deviating by about 1


class Rate(NamedTuple):
    """What a stream says of each frame of a batch before its symbols."""

    quality: Float[Array, "b"]
    level: Int[Array, "b"]
    distances: Int[Array, "b 2"] | None = None  # in frames, to both references; None: not told


class Gaussian(NamedTuple):
    """Of what a latent differs from its mean by."""

    scale: Float[Array, "b h w m"]

    @property
    def certain(self) -> Bool[Array, "b h w m"]:
        """Where nothing but 0 can be sent."""
        return self.scale < densities.CERTAIN_BELOW

    @property
    def indexes(self) -> Int[Array, "b h w m"]:
        return densities.nearest_indexes(jnp.log2(self.scale))

    def bits(self, residual: Float[Array, "b h w m"]) -> Float[Array, "b h w m"]:
        bits = densities.gaussian_bits(residual, jnp.zeros_like(residual), self.scale)
        return jnp.where(self.certain, 0, bits)

    def coded_bits(self, symbols: Float[Array, "b h w m"]) -> Float[Array, "b h w m"]:
        return densities.coded_bits(symbols, self.scale)


class Learned(NamedTuple):
    """A hyperprior's own density of z, at some rate."""

    hyperprior: "Hyperprior"
    rate: Rate
    kept: Bool[Array, "b zh zw"] | None = None  # positions that are not sent

    @property
    def certain(self) -> Bool[Array, "#b #zh #zw 1"]:
        if self.kept is None:
            return jnp.zeros((1, 1, 1, 1), bool)
        return self.kept[..., None]

    @property
    def indexes(self) -> None:
        """Its tables are not told by scale."""

    def bits(self, residual: Float[Array, "b zh zw c"]) -> Float[Array, "b zh zw c"]:
        return jnp.where(self.certain, 0, self.hyperprior.z_bits(residual, self.rate))

    coded_bits = bits


class FactorisedDensity(nnx.Module):
    """A learned density for each channel of z (Balle et al. 2018, appendix 6.1)."""

    def __init__(self, channels: int, *, rngs: nnx.Rngs):
        self.parameters = nnx.data(
            jax.tree.map(nnx.Param, densities.init_factorised(rngs.params(), channels, Z_SPREAD))
        )

    def pure(self):
        return jax.tree.map(
            lambda p: p[...], self.parameters, is_leaf=lambda p: isinstance(p, nnx.Param)
        )

    def bits(
        self, z: Float[Array, "b h w c"], spread: Float[Array, "#b 1 1 c"] | float = 1.0
    ) -> Float[Array, "b h w c"]:
        return densities.factorised_bits(z, self.pure(), spread)


class Hyperprior(nnx.Module):
    def __init__(
        self,
        config: ModelConfig,
        own: CodecConfig,
        levels: range,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        m, hyper = own.latent_channels, own.hyper_channels
        self.channels, self.z_channels = m, hyper[-1]
        self.stride = 2 ** len(hyper)  # of z, in positions of y
        self.encoder = downsampling(m, *hyper, dtype=dtype, rngs=rngs)
        up = *reversed(hyper), m
        self.mean_decoder = upsampling(*up, dtype=dtype, rngs=rngs)
        # Its last layer gives log2 of the scale. Coding runs it in integers: see entropy_model.py.
        # ReLU, because in integers it is a clip.
        self.scale_decoder = upsampling(*up, dtype=dtype, rngs=rngs, activation=jax.nn.relu)
        self.begin(config, levels, rngs)

    def begin(self, config: ModelConfig, levels: range, rngs: nnx.Rngs) -> None:
        """With what is beside the transforms: the density of z, and what quality does to both."""
        self.bottleneck = FactorisedDensity(self.z_channels, rngs=rngs)
        gains = config.gains
        self.scale_shift = scale_curve(config, self.channels, levels) if gains else None
        self.z_spread = spread_curve(config, self.z_channels, levels) if gains else None

    def hyper_latent(self, y: Float[Array, "b h w m"]) -> Float[Array, "b zh zw c"]:
        return self.encoder(pad_to_multiple(y, self.stride)).astype(jnp.float32)

    def z_bits(self, z: Float[Array, "b zh zw c"], rate: Rate) -> Float[Array, "b zh zw c"]:
        if self.z_spread is None:
            return self.bottleneck.bits(z)
        spread = jnp.exp2(self.z_spread(rate.quality, rate.level))
        return self.bottleneck.bits(z, spread[:, None, None])

    def mean(self, z: Float[Array, "b zh zw c"], height: int, width: int) -> Array:
        return crop(self.mean_decoder(z), height, width).astype(jnp.float32)

    def log2_scale(self, z: Array, rate: Rate, height: int, width: int) -> Array:
        log2_scale = crop(self.scale_decoder(z), height, width).astype(jnp.float32)
        if self.scale_shift is not None:
            log2_scale += self.scale_shift(rate.quality, rate.level)[:, None, None]
        return log2_scale
