"""Bilinear sampling along a flow."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from kbvc_jax.ops.lookup import blocks


def warp(image: Float[Array, "b h w c"], flow: Float[Array, "b h w 2"]) -> Float[Array, "b h w c"]:
    """Samples `image` at (x + flow_x, y + flow_y), clamped to the border."""
    h, w = image.shape[1:3]
    x = jnp.clip(jnp.arange(w) + flow[..., 0], 0, w - 1)
    y = jnp.clip(jnp.arange(h)[:, None] + flow[..., 1], 0, h - 1)
    left = jnp.clip(jnp.floor(x), 0, max(w - 2, 0))
    top = jnp.clip(jnp.floor(y), 0, max(h - 2, 0))
    right_share, bottom_share = (x - left)[..., None, None], (y - top)[..., None]
    if 1 in (h, w):  # blocks are of two: nothing is seen of what comes beside
        image = jnp.pad(image, ((0, 0), (0, h == 1), (0, w == 1), (0, 0)))
    seen = blocks(image, jnp.stack([top, left], -1).astype(jnp.int32), 2)
    return between(between(seen, right_share), bottom_share)


def between(pairs: Float[Array, "*s 2 c"], share: Array) -> Float[Array, "*s c"]:
    """`share` of the second, the rest of the first."""
    return pairs[..., 0, :] * (1 - share) + pairs[..., 1, :] * share
