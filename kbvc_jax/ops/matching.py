"""Where two frames show the same: the motion, even in time, under which they agree half-way; or
that from one frame to the other.

Coarse to fine, each position tries what the coarser level found and the motions around that, and
takes the one under which a window of both frames differs least. To stand still costs a little less,
to differ from the coarser level a little more. All is counted in integers, which float32 holds
exactly: whoever sees the same frames finds the same motion.
"""

import itertools
from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer

from kbvc_jax.ops.additions import add_up, block_sum
from kbvc_jax.ops.edges import widened
from kbvc_jax.ops.lookup import blocks
from kbvc_jax.ops.resize import upsample2

LEVELS = (16, 8, 4)  # pixels a position; what is finer, a network can see to
REACH, FURTHER = 3, 1  # positions to each side, on the coarsest level and on the others
# Positions of a window to each side; of two frames around the one that is looked for, many more.
WINDOW, FOLLOWED_WINDOW = 6, 1
FINENESS = 64  # to a step of eight bits: the largest sum of a window is below float32's 2^24
# What a step away and standing still are worth, in differences of one position's three samples.
STEP, STILL = 1.5 * FINENESS, 3.0 * FINENESS

Image = Float[Array, "b h w 3"]
Motion = Integer[Array, "b h w 2"]
Moved = Callable[[Image, Image, Motion], tuple[Image, Image]]


@jax.jit  # for its name: models/multiply_adds.py
def match(
    previous: Float[Array, "b h w 3"], following: Float[Array, "b h w 3"]
) -> Float[Array, "b h w 2"]:
    """The motion (x, y) in pixels from the middle to `previous`; to `following` it is the opposite.

    Frames are in 0 to 1, their sizes multiples of 16.
    """
    motion = _search(previous, following, WINDOW, lambda a, b, m: (_moved(a, m), _moved(b, -m)))
    motion = motion.astype(jnp.float32)
    for _ in range(LEVELS[-1].bit_length() - 1):
        motion = 2 * upsample2(motion)
    return motion


def follow(
    picture: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"]
) -> Integer[Array, "b ph pw 2"]:
    """The motion from a picture to where `reference` shows the same, in positions of LEVELS[-1]
    pixels. What is finer, alignment.py finds."""
    return _search(picture, reference, FOLLOWED_WINDOW, lambda a, b, m: (a, _moved(b, m)))


def _search(first: Image, second: Image, window: int, moved: Moved) -> Integer[Array, "b ph pw 2"]:
    motion = None
    for both in _pyramid(jnp.concatenate([first, second])):
        a, b = jnp.split(both, 2)
        if motion is None:
            motion, reach = jnp.zeros((*a.shape[:3], 2), jnp.int32), REACH
        else:
            motion, reach = 2 * motion.repeat(2, 1).repeat(2, 2), FURTHER
        motion = _median(_refine(a, b, motion, reach, window, moved))
    assert motion is not None
    return motion


def _pyramid(frame: Image) -> list[Array]:
    """In integers, coarse to fine."""
    levels = [_shrink(255 * FINENESS * frame, LEVELS[-1])]
    for _ in LEVELS[:-1]:
        levels.append(_shrink(levels[-1], 2))
    return levels[::-1]


def _shrink(frame: Image, times: int) -> Float[Array, "b h/{times} w/{times} 3"]:
    return jnp.rint(block_sum(frame, times) / times**2)


def _refine(
    first: Image, second: Image, motion: Motion, reach: int, window: int, moved: Moved
) -> Motion:
    """The best of the motions `reach` around the given ones, and of none at all."""
    positions = (2 * window + 1) ** 2

    def attempt(best, tried):
        cost, found = best
        from_given, step, dearer = tried
        to = from_given * motion + step
        a, b = moved(first, second, to)
        own = _windows(add_up(jnp.abs(a - b), -1), window) + positions * dearer
        better = own < cost
        return (jnp.minimum(own, cost), jnp.where(better[..., None], to, found)), None

    # None at all comes first, then steps from the given ones: one program tries all.
    steps = np.array([(0, 0), *itertools.product(range(-reach, reach + 1), repeat=2)])
    from_given = np.arange(len(steps)) > 0
    dearer = np.where(from_given, STEP * np.abs(steps).sum(1), -STILL)
    start = jnp.full(motion.shape[:3], jnp.inf), jnp.zeros_like(motion)
    tried = from_given.astype(np.int32), steps.astype(np.int32), dearer.astype(np.float32)
    (_, found), _ = lax.scan(attempt, start, tried)
    return found


def _windows(x: Float[Array, "b h w"], window: int) -> Float[Array, "b h w"]:
    """The sum over the window around each position, edges going on beyond the frame."""
    for axis in (1, 2):
        size = [1] * 3
        size[axis] = 2 * window + 1
        x = lax.reduce_window(widened(x, window, [axis]), 0.0, lax.add, size, (1, 1, 1), "VALID")
    return x


def _moved(image: Image, motion: Motion) -> Image:
    """What each position shows after its motion, clamped to the border."""
    height, width = image.shape[1:3]
    x = jnp.clip(jnp.arange(width) + motion[..., 0], 0, width - 1)
    y = jnp.clip(jnp.arange(height)[:, None] + motion[..., 1], 0, height - 1)
    return blocks(image, jnp.stack([y, x], -1), 1)[..., 0, 0, :]


def _median(motion: Motion) -> Motion:
    """Of each component, over 3x3 positions: columns sorted, then what is left of them."""
    height, width = motion.shape[1:3]
    p = widened(motion, 1)
    top, centre, bottom = (p[:, i : i + height] for i in range(3))
    low, high = jnp.minimum(top, bottom), jnp.maximum(top, bottom)
    sorted_columns = (
        jnp.minimum(low, centre),
        _middle(top, centre, bottom),
        jnp.maximum(high, centre),
    )
    lows, middles, highs = ([x[:, :, j : j + width] for j in range(3)] for x in sorted_columns)
    lowest, highest = reduce(jnp.maximum, lows), reduce(jnp.minimum, highs)
    return _middle(lowest, _middle(*middles), highest)


def _middle(a: Motion, b: Motion, c: Motion) -> Motion:
    return jnp.maximum(jnp.minimum(a, b), jnp.minimum(jnp.maximum(a, b), c))
