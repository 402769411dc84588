import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kbvc_jax.ops.convolution import conv, transposed_conv, upsampled_conv
from kbvc_jax.ops.resize import upsample2


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("size", [4, 5])
def test_transposed_convolution_equals_the_dilated_form(size):
    x, kernel, bias = draw(2, 3, 5, 4), draw(size, size, 4, 6, seed=1), draw(6, seed=2)
    edge = (size - 1) // 2
    # Output p takes input q by tap p - 2q + edge: a correlation with the flipped kernel.
    expected = lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        (1, 1),
        [(size - 1 - edge, size)] * 2,
        lhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    found = transposed_conv(x, kernel, bias)
    assert found.shape == (2, 6, 10, 6)
    np.testing.assert_allclose(found, expected[:, :6, :10] + bias, atol=1e-4)


def test_upsampled_convolution_equals_upsampling_then_convolution():
    x, kernel, bias = draw(2, 3, 5, 4), draw(3, 3, 4, 6, seed=1), draw(6, seed=2)
    doubled = jnp.pad(upsample2(x), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    expected = conv(doubled, kernel, bias)[:, 1:-1, 1:-1]
    found = upsampled_conv(x, kernel, bias)
    assert found.shape == (2, 6, 10, 6)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("size", [7, 8])
def test_stride_two_puts_the_first_centre_on_the_first_sample(size):
    x = jnp.zeros((1, size, size, 1)).at[0, 0, 0, 0].set(1)
    kernel = jnp.zeros((5, 5, 1, 1)).at[2, 2].set(1)
    found = conv(x, kernel, jnp.zeros(1), stride=2)
    assert found.shape == (1, -(-size // 2), -(-size // 2), 1)
    assert found[0, 0, 0, 0] == 1 and found.sum() == 1
