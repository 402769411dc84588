import jax.numpy as jnp, jax
from jax import lax
from kbvc_jax.ops.convolution import transposed_conv


def integer_transposed_conv(x, w, b):
    return (
        jnp.rint(
            transposed_conv(x.astype(jnp.float32), jnp.asarray(w, jnp.float32), jnp.zeros(len(b)))
        ).astype(jnp.int32)
        + b
    )


def requantise(x, s):
    s = jnp.asarray(s, jnp.int32)
    return jnp.right_shift(x + jnp.where(s > 0, jnp.left_shift(1, jnp.maximum(s - 1, 0)), 0), s)
