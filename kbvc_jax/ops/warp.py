"""Bilinear sampling along a flow."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def warp(image: Float[Array, "b h w c"], flow: Float[Array, "b h w 2"]) -> Float[Array, "b h w c"]:
    """Samples `image` at (x + flow_x, y + flow_y), clamped to the border. Sizes are at least 2."""
    b, h, w, c = image.shape
    x = jnp.clip(jnp.arange(w) + flow[..., 0], 0, w - 1)
    y = jnp.clip(jnp.arange(h)[:, None] + flow[..., 1], 0, h - 1)
    left = jnp.clip(jnp.floor(x), 0, w - 2)
    top = jnp.clip(jnp.floor(y), 0, h - 2)
    right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]

    samples = image.reshape(b, h * w, c)
    corner = (top * w + left).astype(jnp.int32).reshape(b, h * w, 1)

    def at(offset: int) -> Float[Array, "b h w c"]:
        return jnp.take_along_axis(samples, corner + offset, 1).reshape(b, h, w, c)

    upper = at(0) * (1 - right_share) + at(1) * right_share
    lower = at(w) * (1 - right_share) + at(w + 1) * right_share
    return upper * (1 - bottom_share) + lower * bottom_share
