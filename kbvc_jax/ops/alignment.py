"""Where the content of a decoded frame lies in another one: the motion that nobody sent.

Whoever has both frames finds it: in whole positions by matching windows (matching.py), then, at
1/4, 1/2 and all of the resolution, by a step of least squares over windows of 5x5 (Lucas & Kanade
1981). The latter is smooth in both frames: what two machines round differently hardly moves it.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from kbvc_jax.ops.additions import add_up, block_sum
from kbvc_jax.ops.edges import widened
from kbvc_jax.ops.matching import LEVELS, follow
from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import warp
from kbvc_jax.ops.windows import window_mean

WINDOW = 2  # pixels to each side, at each resolution
FARTHEST = 1.0  # pixels of one step
# Of squared slopes of brightness, in 255ths: what has less tells little of its motion.
NOISE = 60.0

Image = Float[Array, "b h w"]


@jax.jit  # for its name: models/multiply_adds.py
def align(
    picture: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"]
) -> Float[Array, "b h w 2"]:
    """The motion (x, y), in pixels, from each of the picture to the same in the reference.

    Frames are in 0 to 1, their sizes multiples of 16.
    """
    motion = follow(picture, reference).astype(jnp.float32)
    sizes = [255 / 3 * add_up(jnp.concatenate([picture, reference]), -1)]
    for _ in range(LEVELS[-1].bit_length() - 1):
        sizes.append(block_sum(sizes[-1], 2) / 4)
    for both in reversed(sizes):
        a, b = jnp.split(both, 2)
        if a.shape[1] > motion.shape[1]:
            motion = 2 * upsample2(motion)
        motion = _closer(a, b, motion)
    return motion


def _closer(
    picture: Image, reference: Image, motion: Float[Array, "b h w 2"]
) -> Float[Array, "b h w 2"]:
    """By the step under which a window's brightness, taken as linear, differs least."""
    # Barriers, as in window_mean: else what they part is computed again and again.
    moved = lax.optimization_barrier(warp(reference[..., None], motion)[..., 0])
    slopes = _slopes((picture + moved) / 2)
    x, y, missing = lax.optimization_barrier((*slopes, picture - moved))
    products = jnp.stack([x * x, x * y, y * y, x * missing, y * missing])
    xx, xy, yy, xd, yd = jax.vmap(partial(window_mean, reach=WINDOW))(products)
    xx, yy = xx + NOISE, yy + NOISE
    step = jnp.stack([yy * xd - xy * yd, xx * yd - xy * xd], -1) / (xx * yy - xy * xy)[..., None]
    return motion + jnp.clip(step, -FARTHEST, FARTHEST)


def _slopes(x: Image) -> tuple[Image, Image]:
    """Of brightness, to the right and downwards."""
    p = widened(x, 1)
    return (p[:, 1:-1, 2:] - p[:, 1:-1, :-2]) / 2, (p[:, 2:, 1:-1] - p[:, :-2, 1:-1]) / 2
