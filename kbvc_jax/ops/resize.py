import jax.numpy as jnp


def _up(x, axis):
    p = jnp.concatenate(
        [jnp.take(x, jnp.array([0]), axis), x, jnp.take(x, jnp.array([-1]), axis)], axis
    )
    n = x.shape[axis]
    import jax.lax as lax

    prev = lax.slice_in_dim(p, 0, n, axis=axis)
    nxt = lax.slice_in_dim(p, 2, n + 2, axis=axis)
    a = 0.25 * prev + 0.75 * x
    b = 0.75 * x + 0.25 * nxt
    s = jnp.stack([a, b], axis + 1)
    sh = list(x.shape)
    sh[axis] *= 2
    return s.reshape(sh)


def upsample2(x):
    return _up(_up(x, 1), 2)
