"""Scale space (Agustsson et al. 2020): a frame ever more blurred, sampled along a flow."""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from kbvc_jax.ops.additions import block_sum
from kbvc_jax.ops.edges import widened
from kbvc_jax.ops.lookup import blocks
from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import between


def gaussian_blur(frame: Float[Array, "b h w c"], sigma: float) -> Float[Array, "b h w c"]:
    """Beyond the edge samples equal the edge's."""
    reach = math.ceil(3 * sigma)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).tolist()
    for axis in (1, 2):
        padded, size = widened(frame, reach, [axis]), frame.shape[axis]
        moved = (
            tap * lax.slice_in_dim(padded, i, i + size, axis=axis) for i, tap in enumerate(taps)
        )
        frame = functools.reduce(jnp.add, moved)
    return frame


def gaussian_volume(
    frame: Float[Array, "b h w c"], sigma: float, levels: int
) -> Float[Array, "b {levels}+1 h w c"]:
    """The frame, then blurred by sigma, 2 sigma, 4 sigma, ...: each from the one before at half its
    size. Sides are multiples of 2 ** (levels - 1)."""
    volume, small = [frame], frame
    for level in range(levels):
        if level:
            small = block_sum(small, 2) / 4
        small = gaussian_blur(small, sigma)
        shown = small
        for _ in range(level):
            shown = upsample2(shown)
        volume.append(shown)
    return jnp.stack(volume, 1)


def warp_volume(
    volume: Float[Array, "b n h w c"],
    flow: Float[Array, "b h w 2"],
    scale: Float[Array, "b h w 1"],
) -> Float[Array, "b h w c"]:
    """Samples at (x + flow_x, y + flow_y) and between the levels around `scale`, clamped to the
    border and to the first and last level."""
    b, n, h, w, c = volume.shape
    x = jnp.clip(jnp.arange(w) + flow[..., 0], 0, w - 1)
    y = jnp.clip(jnp.arange(h)[:, None] + flow[..., 1], 0, h - 1)
    level = jnp.clip(scale[..., 0], 0, n - 1)
    left, top, low = (
        jnp.clip(jnp.floor(place), 0, size - 2) for place, size in ((x, w), (y, h), (level, n))
    )
    shares = [(place - first)[..., None] for place, first in ((x, left), (y, top), (level, low))]
    tall = volume.reshape(b, n * h, w, c)

    def of_level(level: Float[Array, "b h w"]) -> Float[Array, "b h w c"]:
        corners = jnp.stack([level * h + top, left], -1).astype(jnp.int32)
        return between(between(blocks(tall, corners, 2), shares[0][..., None]), shares[1])

    return of_level(low) * (1 - shares[2]) + of_level(low + 1) * shares[2]
