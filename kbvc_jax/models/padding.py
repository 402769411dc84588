"""Frames of any size: padded to whole blocks by repeating the edge, and cropped again."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

BLOCK = 16


def pad_to_multiple(
    x: Shaped[Array | np.ndarray, "b h w c"], block: int
) -> Shaped[Array, "b ph pw c"]:
    """Repeats the last row and column until both sizes are multiples of `block`."""
    x = jnp.asarray(x)
    height, width = x.shape[1:3]
    bottom, right = -height % block, -width % block
    if not bottom and not right:
        return x
    return jnp.pad(x, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")


def crop(x: Shaped[Array, "b ph pw c"], height: int, width: int) -> Shaped[Array, "b h w c"]:
    return x[:, :height, :width]
