"""Against the reductions that they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.additions import add_up, block_sum, spread


def draw(*shape):
    return np.random.default_rng(0).integers(-99, 99, shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_entries_are_added_up(axis):
    x = draw(2, 3, 4)
    np.testing.assert_array_equal(add_up(jnp.asarray(x), axis), x.sum(axis))


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_blocks_are_summed(size, channels):
    x = draw(2, 8, 12, *channels)
    found = block_sum(jnp.asarray(x), size)
    for row, column in ((0, 0), (8 // size - 1, 12 // size - 1)):
        rows, columns = (slice(size * i, size * (i + 1)) for i in (row, column))
        np.testing.assert_array_equal(found[:, row, column], x[:, rows, columns].sum((1, 2)))


def test_what_is_spread_has_the_derivative_of_a_broadcast():
    x, weights = draw(4, 5), draw(4, 5, 3)
    np.testing.assert_array_equal(spread(jnp.asarray(x), 3), np.stack([x] * 3, -1))
    slope = jax.grad(lambda x: (spread(x, 3) * weights).sum())(jnp.asarray(x))
    np.testing.assert_array_equal(slope, weights.sum(-1))
