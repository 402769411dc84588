"""Counts by hand."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from kbvc_jax.models.multiply_adds import count
from kbvc_jax.ops.convolution import conv, transposed_conv, upsampled_conv
from kbvc_jax.ops.integer import integer_transposed_conv
from kbvc_jax.ops.matching import match
from kbvc_jax.ops.synthesis import synthesise


def multiply_adds(call, parameters, *frames):
    return count(call, parameters, *frames).multiply_adds


def shaped(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def layer(size, inputs, outputs):
    return shaped(size, size, inputs, outputs), shaped(outputs)


def doubled(x, kernel, **options):
    """The textbook's transposed convolution."""
    numbers = ("NHWC", "HWIO", "NHWC")
    edges = [(2, 3)] * 2
    return lax.conv_general_dilated(
        x, kernel, (1, 1), edges, (2, 2), dimension_numbers=numbers, **options
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_applies_its_kernel_at_each_output(stride):
    def call(p, x):
        return conv(x, *p, stride)

    found = multiply_adds(call, layer(5, 3, 7), shaped(2, 12, 8, 3))
    assert found == 25 * 3 * 7 * 2 * 12 * 8 // stride**2


@pytest.mark.parametrize("size", [4, 5])
def test_a_transposed_convolution_applies_its_kernel_at_each_input(size):
    x, parameters = shaped(2, 12, 8, 3), layer(size, 3, 7)
    wanted = size**2 * 3 * 7 * 2 * 12 * 8
    assert multiply_adds(lambda p, x: transposed_conv(x, *p), parameters, x) == wanted
    assert multiply_adds(lambda p, x: doubled(x, p[0]), parameters, x) == wanted


def test_one_in_integers_costs_the_same():
    parameters = shaped(5, 5, 3, 7, dtype=jnp.int8), shaped(7, dtype=jnp.int32)
    found = multiply_adds(
        lambda p, x: integer_transposed_conv(x, *p), parameters, shaped(2, 12, 8, 3, dtype=jnp.int8)
    )
    assert found == 25 * 3 * 7 * 2 * 12 * 8


def test_an_upsampled_convolution_applies_its_kernel_at_each_output():
    x, parameters = shaped(1, 12, 8, 3), layer(3, 3, 7)
    found = multiply_adds(lambda p, x: upsampled_conv(x, *p), parameters, x)
    assert found == 9 * 3 * 7 * 4 * 12 * 8


def test_each_group_of_channels_has_its_own_part_of_the_kernel():
    def call(kernel, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=4
        )

    found = multiply_adds(call, shaped(3, 3, 2, 12), shaped(1, 6, 5, 8))
    assert found == 9 * 2 * 12 * 6 * 5


def test_a_matrix_product_sums_over_what_it_contracts():
    found = multiply_adds(
        lambda _, a, b: jnp.einsum("bij,bjk->bik", a, b), (), shaped(2, 3, 5), shaped(2, 5, 7)
    )
    assert found == 2 * 3 * 5 * 7


def test_what_parameters_alone_decide_is_not_counted():
    def call(p, x):
        return x @ jax.jit(jnp.matmul)(p, p)

    assert multiply_adds(call, shaped(5, 5), shaped(3, 5)) == 3 * 5 * 5


def product(p, x):
    return x @ p


def looped(p, x):
    return lax.scan(lambda x, _: (x @ p, None), x, length=6)[0]


def chosen(p, x):
    return lax.cond(x[0, 0] > 0, lambda x: x @ p @ p, lambda x: x, x)


@jax.custom_vjp
def own_derivative(p, x):
    return x @ p


own_derivative.defvjp(lambda p, x: (x @ p, (p, x)), lambda saved, g: saved)


@pytest.mark.parametrize(
    ("call", "times"),
    [
        (product, 1),
        (jax.jit(product), 1),
        (jax.checkpoint(product), 1),
        (own_derivative, 1),
        (looped, 6),
        (jax.jit(lambda p, x: lax.fori_loop(0, 4, lambda _, x: x @ p, x)), 4),
        (chosen, 2),  # at most
    ],
)
def test_jaxprs_inside_a_jaxpr_are_counted_as_often_as_they_run(call, times):
    assert multiply_adds(call, shaped(5, 5), shaped(3, 5)) == times * 3 * 5 * 5


def test_products_in_a_loop_of_unknown_length_are_refused():
    def call(p, x):
        return lax.while_loop(lambda x: x[0, 0] > 0, lambda x: x @ p, x)

    with pytest.raises(ValueError, match="while: how often"):
        multiply_adds(call, shaped(5, 5), shaped(3, 5))


@pytest.mark.parametrize("taps", [3, 4])
def test_equation_1_has_a_product_for_each_tap_and_one_for_each_column(taps):
    references, kernels = shaped(1, 2, 6, 5, 3), shaped(1, 2, 6, 5, taps)
    found = multiply_adds(lambda _, *a: synthesise(*a), (), references, kernels, kernels)
    assert found == taps * (taps + 1) * 2 * 3 * 6 * 5


def test_block_matching_costs_at_least_what_it_compares():
    """Differences of three samples and the sums of a window, for each motion tried."""
    tried = {16: 49 + 1, 8: 9 + 1, 4: 9 + 1}
    least = sum(count * (3 + 2 * 13) / size**2 for size, count in tried.items())
    frame = shaped(1, 64, 64, 3)
    found = multiply_adds(lambda _, *a: match(*a), (), frame, frame) / 64**2
    assert least < found < 3 * least


def test_parameters_that_nothing_depends_on_are_not_used():
    parameters = [shaped(2, 2), shaped(2, 2), shaped(2, 2)]

    def call(p, x):
        return (x @ p[0], x @ p[1])[0] @ p[2]

    assert count(call, parameters, shaped(3, 2)).used == {0, 2}
