"""What coding/vectors.py makes of motion, for training: as if it learnt from all at once."""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Bool, Float, Int

from kbvc_jax.coding.vectors import (
    ACROSS,
    CHOICE,
    DECAY,
    FIRST_SAME,
    REACH,
    SEEN,
    WIDTH,
    first_counts,
    foretold,
    same_as,
    turns,
)


def vector_bits(vectors: Float[Array, "b mh mw c"]) -> Float[Array, "b"]:
    """Each frame's equal share of those of a batch."""
    batch, height, width, _ = vectors.shape
    vectors = jnp.concatenate(jnp.split(vectors, vectors.shape[-1] // 2, -1))
    cells, around = (np.concatenate(parts, -1) for parts in zip(*turns(height, width), strict=True))
    field = vectors.astype(jnp.int32).reshape(len(vectors), -1, 2).T
    odd = (field & 1).any((0, 1))
    field = jnp.where(odd, field, field // 2)
    four, own = field[:, around], field[:, cells]
    guess, kinds = foretold(four)
    same = same_as(own, four, guess, kinds)
    first = np.tile(np.array(FIRST_SAME), (len(DECAY) - CHOICE, 1))
    bits = _counted_bits(first, jnp.maximum(kinds - CHOICE, 0), same, kinds >= CHOICE)
    apart = jnp.abs(own - guess)
    across = jnp.minimum(apart[0], ACROSS - 1)
    columns = jnp.where(apart <= REACH, own - guess + REACH, WIDTH - 1)
    escaped = 1 + 2 * jnp.log2(jnp.maximum(apart - REACH, 1))
    bits += jnp.where((apart > REACH) & (same == 0), escaped, 0).sum()
    for axis, by in enumerate((ACROSS * kinds, ACROSS * kinds + across)):
        bits += _counted_bits(first_counts(), by, columns[axis], same == 0)
    return jnp.full(batch, bits / batch)


def _counted_bits(
    first: Int[np.ndarray, "k w"],
    kinds: Int[Array, "n b"],
    symbols: Int[Array, "n b"],
    asked: Bool[Array, "n b"],
) -> Float[Array, ""]:
    start = jnp.asarray(first / SEEN + 1e-3, jnp.float32)
    seen = jnp.zeros_like(start).at[kinds, symbols].add(asked.astype(jnp.float32))
    each = gammaln(start + seen) - gammaln(start)
    total = gammaln((start + seen).sum(1)) - gammaln(start.sum(1))
    return (total - each.sum(1)).sum() / math.log(2)
