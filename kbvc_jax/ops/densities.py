"""What a latent costs in bits: Gaussian (y) and learned factorised (z) densities.

The logarithm of a bin's mass comes from those of its edges' cumulative distributions, never from
the mass: far tails keep their bits and gradients.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Float, Int, PRNGKeyArray

SCALE_MIN, SCALE_MAX, SCALES = 0.11, 256.0, 64
INDEXES_AN_OCTAVE = (SCALES - 1) / math.log2(SCALE_MAX / SCALE_MIN)
# Of log masses: bins so narrow that float32 sees one edge where there are two.
NARROWEST = 1e-7
# Half-way from the first table to the second. The first makes 0 certain: nothing else can be sent.
CERTAIN_BELOW = SCALE_MIN * (SCALE_MAX / SCALE_MIN) ** (0.5 / (SCALES - 1))
# Deviations to the end of a table, where 2^-17 is left on either side.
TABLE_END = 4.3249
RAREST = 16.0  # bits
WIDTHS = (1, 3, 3, 3, 3, 1)  # of the factorised density's layers: 58 parameters a channel

Factorised = dict[str, list[Array]]


def scale_table() -> Float[np.ndarray, "64"]:
    """The scales that have a table, log-spaced."""
    return np.exp(np.linspace(math.log(SCALE_MIN), math.log(SCALE_MAX), SCALES))


def nearest_indexes(log2_scale: Float[Array, "*b"]) -> Int[Array, "*b"]:
    """The tables nearest to scales."""
    index = jnp.rint((log2_scale - math.log2(SCALE_MIN)) * INDEXES_AN_OCTAVE)
    return jnp.clip(index, 0, SCALES - 1).astype(jnp.int32)


@jax.custom_vjp
def lower_bound(x: Float[Array, "*b"], bound: Float[Array, "*#b"] | float) -> Float[Array, "*b"]:
    """max(x, bound), whose gradient below the bound is kept where it would raise x."""
    return jnp.maximum(x, bound)


def _lower_bound_forward(x, bound):
    return jnp.maximum(x, bound), (x, bound)


def _lower_bound_backward(saved, gradient):
    x, bound = saved
    return jnp.where((x >= bound) | (gradient < 0), gradient, 0), None


lower_bound.defvjp(_lower_bound_forward, _lower_bound_backward)


def gaussian_bits(
    y: Float[Array, "*b"], mean: Float[Array, "*b"], scale: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Of the bin of width 1 around y, on the left of the mean, where logarithms are exact."""
    distance = jnp.abs(y - mean)
    scale = lower_bound(scale, SCALE_MIN)  # no table is of a smaller one
    upper = log_ndtr((0.5 - distance) / scale)
    lower = log_ndtr((-0.5 - distance) / scale)
    return -(upper + _log_share(upper - lower)) / math.log(2)


def coded_bits(symbols: Float[Array, "*b"], scale: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """What a table of this scale asks for whole symbols: beyond its end, an escape.

    Without a gradient that would move a scale there: gaussian_bits is what one trains with.
    """
    beyond = jnp.abs(symbols) - jnp.ceil(TABLE_END * scale - 0.5)
    # The rarest symbol and the escape have a share of 2^-16; an escape goes on with the exponent of
    # twice the distance and as many bits (coding/escapes.py).
    inside = gaussian_bits(symbols, jnp.zeros_like(symbols), scale)
    further = 2 * jnp.floor(jnp.log2(2 * jnp.maximum(beyond, 1)))
    return jnp.where(beyond > 0, RAREST + further, jnp.minimum(inside, RAREST))


def _log_share(gap: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """log(1 - exp(-gap)): of e^a the share that e^a - e^b is, for gap = a - b."""
    return jnp.log(-jnp.expm1(-jnp.maximum(gap, NARROWEST)))


def init_factorised(key: PRNGKeyArray, channels: int, spread: float = 10.0) -> Factorised:
    """A density of about `spread` bins a channel (Balle et al. 2018, appendix 6.1)."""
    share = spread ** (1 / (len(WIDTHS) - 1))
    out: Factorised = {"matrices": [], "biases": [], "factors": []}
    for inputs, outputs in zip(WIDTHS[:-1], WIDTHS[1:], strict=True):
        key, bias_key = jax.random.split(key)
        start = math.log(math.expm1(1 / share / outputs))
        out["matrices"].append(jnp.full((channels, inputs, outputs), start))
        out["biases"].append(
            jax.random.uniform(bias_key, (channels, outputs), minval=-0.5, maxval=0.5)
        )
        if outputs > 1:
            out["factors"].append(jnp.zeros((channels, outputs)))
    return out


def factorised_logits(z: Float[Array, "*b c"], density: Factorised) -> Float[Array, "*b c"]:
    """The logit of each channel's cumulative distribution."""
    x = z[..., None]
    for layer, (matrix, bias) in enumerate(
        zip(density["matrices"], density["biases"], strict=True)
    ):
        x = jnp.einsum("...ci,cio->...co", x, jax.nn.softplus(matrix)) + bias
        if layer < len(density["factors"]):
            x = x + jnp.tanh(density["factors"][layer]) * jnp.tanh(x)
    return x[..., 0]


def factorised_bits(
    z: Float[Array, "*b c"], density: Factorised, spread: Float[Array, "*#b c"] | float = 1.0
) -> Float[Array, "*b c"]:
    """Of the bin of width 1 around z, under the density stretched by `spread`."""
    lower = factorised_logits((z - 0.5) / spread, density)
    upper = factorised_logits((z + 0.5) / spread, density)
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u))
    edges = jax.nn.log_sigmoid(upper) + jax.nn.log_sigmoid(-lower)
    return -(edges + _log_share(upper - lower)) / math.log(2)
