"""Motion that is told no more finely than it shows.

Where a frame has no texture a motion may be anything, and a search finds noise. Of all motions this
takes the one that is cheapest by two prices: what leaving the found one costs, by the gradients
there; and what neighbours that differ cost to be told apart.
"""

from functools import reduce
from operator import add

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from kbvc_jax.ops.additions import block_sum

LEVELS = 4  # coarse to fine, each of half the positions each way
SWEEPS = 12  # of each level
DAMPING = 0.8  # without, a checkerboard would stay one
PRICE, SOFTNESS = 0.5, 1.0  # bits that a pixel's difference costs at first; where it costs half
NOISE = (2 / 255) ** 2  # variance of a slope that is no texture
BELIEF = 1e-4  # bits a squared pixel, in what is found where there is nothing to see

Motion = Float[Array, "b h w 2"]
Certainty = Float[Array, "b h w 2 2"]


def smooth(motion: Float[Array, "b h w 2"], certainty: Float[Array, "b h w 2 2"]) -> Motion:
    """`certainty`: bits that a squared pixel of error costs a position; half a Hessian."""
    height, width = motion.shape[1:3]
    certainty += BELIEF * jnp.eye(2)
    levels = [(_whole(certainty), _whole(_times(certainty, motion)))]
    for _ in range(LEVELS - 1):
        certain, told = levels[-1]
        levels.append((block_sum(certain, 2), block_sum(told, 2)))
    found = None
    for certain, told in reversed(levels):
        start = _solved(certain, told) if found is None else found.repeat(2, 1).repeat(2, 2)
        found = _swept(start, certain, told)
    assert found is not None
    return found[:, :height, :width]


def certainty(
    frame: Float[Array, "b h w 3"], weight: Float[Array, "b"], cell: int
) -> Float[Array, "b h/{cell} w/{cell} 2 2"]:
    """Of the motion of cells, where a squared error of a pixel's mean sample costs `weight` bits:
    the structure tensor, less what noise has of it."""
    grey = frame.mean(-1)
    rows, columns = (_slopes(grey, axis) for axis in (1, 2))
    products = [columns * columns, columns * rows, rows * rows]
    xx, xy, yy = jnp.moveaxis(block_sum(jnp.stack(products, -1), cell), -1, 0)
    texture = jnp.maximum(1 - 2 * NOISE * cell**2 / jnp.maximum(xx + yy, NOISE), 0)
    tensor = jnp.stack([jnp.stack([xx, xy], -1), jnp.stack([xy, yy], -1)], -1)
    return (weight[:, None, None] * texture)[..., None, None] * tensor


def _slopes(grey: Float[Array, "b h w"], axis: int) -> Float[Array, "b h w"]:
    """Sobel's, along an axis."""
    across = 3 - axis
    wide = _at(grey, -1, across) + 2 * grey + _at(grey, 1, across)
    return (_at(wide, 1, axis) - _at(wide, -1, axis)) / 8


def _swept(found: Motion, certain: Certainty, told: Motion) -> Motion:
    sides = [(step, axis) for axis in (1, 2) for step in (-1, 1)]
    exists = [_exists(found.shape[axis], step, axis) for step, axis in sides]

    def sweep(_, found: Motion) -> Motion:
        beside = [_at(found, step, axis) for step, axis in sides]
        pulls = [
            there * PRICE / (jnp.abs(found - other) + SOFTNESS)
            for there, other in zip(exists, beside, strict=True)
        ]
        held = reduce(add, pulls)[..., None] * jnp.eye(2)
        towards = reduce(add, (p * other for p, other in zip(pulls, beside, strict=True)))
        return found + DAMPING * (_solved(certain + held, told + towards) - found)

    return lax.fori_loop(0, SWEEPS, sweep, found)


def _at(x: Array, step: int, axis: int) -> Array:
    """What is a step further, of 1 or -1; at the border itself."""
    size = x.shape[axis]
    first, last = (lax.slice_in_dim(x, at, at + 1, axis=axis) for at in (0, size - 1))
    if step < 0:
        return jnp.concatenate([first, lax.slice_in_dim(x, 0, size - 1, axis=axis)], axis)
    return jnp.concatenate([lax.slice_in_dim(x, 1, size, axis=axis), last], axis)


def _exists(size: int, step: int, axis: int) -> Float[np.ndarray, "..."]:
    """Whether there is anything a step further, as a factor along the axis."""
    line = np.ones(size, np.float32)
    line[0 if step < 0 else -1] = 0
    return line[:, None, None] if axis == 1 else line[:, None]


def _whole(x: Array) -> Array:
    """Up to whole positions of the coarsest level, by such as tell nothing."""
    room = [(0, -size % 2 ** (LEVELS - 1)) for size in x.shape[1:3]]
    return jnp.pad(x, [(0, 0), *room, *[(0, 0)] * (x.ndim - 3)])


def _times(matrix: Certainty, x: Motion) -> Motion:
    return matrix[..., 0] * x[..., :1] + matrix[..., 1] * x[..., 1:]


def _solved(matrix: Certainty, x: Motion) -> Motion:
    xx, xy, yy = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    first, second = x[..., 0], x[..., 1]
    out = jnp.stack([yy * first - xy * second, xx * second - xy * first], -1)
    return out / (xx * yy - xy * xy)[..., None]
