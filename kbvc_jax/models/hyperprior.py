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
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.layers import downsampling, upsampling
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.rate_control import scale_curve, spread_curve
from kbvc_jax.ops import densities, quantise

Z_SPREAD = 1.0  # of z's densities at first, in bins: training starts with z deviating by about 1
SHARPNESS = 3.0  # of soft rounding


class Rate(NamedTuple):
    """What selects the rate of each frame of a batch; both (b,)."""

    quality: Array
    level: Array


class Coded(NamedTuple):
    """A latent after the quantiser, and its cost."""

    latent: Float[Array, "b h w m"]
    bits_y: Float[Array, "b"]
    bits_z: Float[Array, "b"]


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


def soften_given(y: Float[Array, "b h w m"], mean: Array, scale: Array) -> Coded:
    """y rounded so softly that its gradient tells which y would have been better; z is known."""
    certain = scale < densities.CERTAIN_BELOW
    softened = jnp.where(certain, 0.0, quantise.soft(y - mean, SHARPNESS))
    bits = densities.gaussian_bits(softened, jnp.zeros_like(mean), scale).sum((1, 2, 3))
    return Coded(softened + mean, bits, jnp.zeros_like(bits))


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
        self.stride = 2 ** len(hyper)  # of z, in positions of y
        self.encoder = downsampling(m, *hyper, dtype=dtype, rngs=rngs)
        up = *reversed(hyper), m
        self.mean_decoder = upsampling(*up, dtype=dtype, rngs=rngs)
        # Its last layer gives log2 of the scale. Coding runs it in integers: see entropy_model.py.
        # ReLU, because in integers it is a clip.
        self.scale_decoder = upsampling(*up, dtype=dtype, rngs=rngs, activation=jax.nn.relu)
        self.bottleneck = FactorisedDensity(hyper[-1], rngs=rngs)
        gains = config.gains
        self.scale_shift = scale_curve(config, m, levels) if gains else None
        self.z_spread = spread_curve(config, hyper[-1], levels) if gains else None

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

    def __call__(
        self, y: Float[Array, "b h w m"], rate: Rate, key: PRNGKeyArray | None = None
    ) -> Coded:
        """Quantises y. With a key, bits are estimated under uniform noise (training); without, of
        the symbols that coding would write."""
        z = self.hyper_latent(y)
        rounded_z = quantise.straight_through(z)
        mean, scale = self._prior(rounded_z, rate, y)
        residual = y - mean
        rounded = jnp.rint(residual)
        if key is None:
            rounded = jnp.where(scale < densities.CERTAIN_BELOW, 0.0, rounded)
            measured_z, measured = rounded_z, rounded
        else:
            key_z, key_y = jax.random.split(key)
            measured_z, measured = quantise.noise(z, key_z), quantise.noise(residual, key_y)
        if key is None:
            bits_y = densities.coded_bits(measured, scale)
        else:
            bits_y = densities.gaussian_bits(measured, jnp.zeros_like(mean), scale)
        # The gradient passes as if y had not been rounded: then the mean has no part in it.
        latent = jax.lax.stop_gradient(rounded + mean) + (y - jax.lax.stop_gradient(y))
        return Coded(
            latent,
            bits_y.sum((1, 2, 3)),
            self.z_bits(measured_z, rate).sum((1, 2, 3)),
        )

    def soften(self, y: Float[Array, "b h w m"], z: Float[Array, "b zh zw c"], rate: Rate) -> Coded:
        """As `soften_given` does, for a z of one's own choice that may change, too."""
        rounded_z = quantise.straight_through(z)
        coded = soften_given(y, *self._prior(rounded_z, rate, y))
        return coded._replace(bits_z=self.z_bits(rounded_z, rate).sum((1, 2, 3)))

    def _prior(self, z: Array, rate: Rate, y: Array) -> tuple[Array, Array]:
        height, width = y.shape[1:3]
        return self.mean(z, height, width), jnp.exp2(self.log2_scale(z, rate, height, width))
