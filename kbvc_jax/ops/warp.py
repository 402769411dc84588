import jax, jax.numpy as jnp


def warp(image, flow):
    b, h, w, c = image.shape
    x = jnp.clip(jnp.arange(w) + flow[..., 0], 0, w - 1)
    y = jnp.clip(jnp.arange(h)[:, None] + flow[..., 1], 0, h - 1)
    x0 = jnp.clip(jnp.floor(x), 0, w - 2)
    y0 = jnp.clip(jnp.floor(y), 0, h - 2)
    fx = (x - x0)[..., None]
    fy = (y - y0)[..., None]
    i = (y0 * w + x0).astype(jnp.int32).reshape(b, -1)
    flat = image.reshape(b, h * w, c)
    g = lambda o: jnp.take_along_axis(flat, (i + o)[..., None], 1).reshape(b, h, w, c)
    return (g(0) * (1 - fx) + g(1) * fx) * (1 - fy) + (g(w) * (1 - fx) + g(w + 1) * fx) * fy
