"""Sums over an axis of few entries, as additions: as reductions XLA's processor backend takes up to
sixty times as long."""

import jax.numpy as jnp
from jaxtyping import Array, Num


def add_up(x: Num[Array, "..."], axis: int) -> Num[Array, "..."]:
    first, *others = jnp.unstack(x, axis=axis)
    return sum(others, first)


def spread(x: Num[Array, "*s"], count: int) -> Num[Array, "*s {count}"]:
    """The same for each of a few channels; the derivative adds up."""
    return jnp.stack([x] * count, -1)


def block_sum(x: Num[Array, "b h w *c"], size: int) -> Num[Array, "b h/{size} w/{size} *c"]:
    """Of each block of size x size."""
    batch, height, width, *channels = x.shape
    rows = add_up(x.reshape(batch, height // size, size, width, *channels), 2)
    return add_up(rows.reshape(batch, height // size, width // size, size, *channels), 3)
