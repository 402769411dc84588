"""Beyond its edge an image is what it is there."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Shaped


def widened(
    x: Shaped[Array, "b h w *c"], reach: int, axes: Sequence[int] = (1, 2)
) -> Shaped[Array, "b ph pw *c"]:
    """By `reach` to each side. jnp.pad makes of an axis two programs to compile, this one."""
    for axis in axes:
        size, shape = x.shape[axis], list(x.shape)
        shape[axis] = reach
        first = jnp.broadcast_to(lax.slice_in_dim(x, 0, 1, axis=axis), shape)
        last = jnp.broadcast_to(lax.slice_in_dim(x, size - 1, size, axis=axis), shape)
        x = jnp.concatenate([first, x, last], axis)
    return x
