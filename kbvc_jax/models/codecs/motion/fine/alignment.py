"""Hyperprior-based implicit alignment: latents of the references gathered to where z, which tells
of the frame's own latent, says they belong."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.motion.fine.blocks import joined, leaky
from kbvc_jax.models.layers import Convolution

REACH = 2  # positions each way: 32 pixels
GROUPS = 8  # of channels, each with weights of its own


class Alignment(nnx.Module):
    """Of one source; at first no place is preferred to its neighbours."""

    def __init__(self, channels: int, hidden: int, dtype: DTypeLike, rngs: nnx.Rngs):
        places, parts = (2 * REACH + 1) ** 2, {"dtype": dtype, "rngs": rngs}
        self.first = Convolution(2 * channels, hidden, 3, **parts)
        self.last = Convolution(hidden, GROUPS * places, 1, gain=0.1, **parts)

    def __call__(
        self, told: Float[Array, "b h w c"], source: Float[Array, "b h w c"]
    ) -> Float[Array, "b h w c"]:
        out = self.last(leaky(self.first(joined(told, source))))
        weights = out.astype(jnp.float32).reshape(*out.shape[:3], GROUPS, -1)
        return gathered(jax.nn.softmax(weights, -1), source)


def gathered(
    weights: Float[Array, "b h w g p"], source: Float[Array, "b h w c"]
) -> Float[Array, "b h w c"]:
    """Sums of what lies around each position; beyond the edge lies nothing."""
    b, h, w, c = source.shape
    groups, size = weights.shape[3], 2 * REACH + 1
    padded = jnp.pad(source, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)))
    out = jnp.zeros((b, h, w, groups, c // groups))
    for place in range(size**2):
        dy, dx = divmod(place, size)
        around = padded[:, dy : dy + h, dx : dx + w].reshape(b, h, w, groups, c // groups)
        out += weights[..., place, None] * around
    return out.reshape(b, h, w, c)
