"""Layers in integers: exact, and therefore the same on every backend."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int8, Int32

from kbvc_jax.ops.convolution import depth_to_space, phase_kernel


def integer_transposed_conv(
    x: Int8[Array, "b h w i"], weights: Int8[Array, "k k i o"], bias: Int32[Array, "o"]
) -> Int32[Array, "b 2*h 2*w o"]:
    """int8 x int8 -> int32, as one matrix product of the 3x3 neighbourhoods.

    A product, not a convolution: no backend can then choose an algorithm that rounds. Sums stay
    below 9 * 127 * 127 * i, within int32 for any i up to 14,000.
    """
    kernel = phase_kernel(jnp.asarray(weights))
    b, h, w, i = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)]
    patches = jnp.concatenate(shifted, -1).reshape(b * h * w, 9 * i)
    sums = lax.dot(patches, kernel.reshape(9 * i, -1), preferred_element_type=jnp.int32)
    return depth_to_space(sums.reshape(b, h, w, -1)) + bias


def requantise(
    sums: Int32[Array, "*b o"], shift: Int32[Array | np.ndarray, "*s"] | int
) -> Int32[Array, "*b o"]:
    """sums / 2^shift, rounded to nearest, halves up."""
    shift = jnp.asarray(shift, jnp.int32)
    half = jnp.left_shift(1, shift) >> 1
    return jnp.right_shift(sums + half, shift)
