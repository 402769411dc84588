"""Blocks that overlap: their shares add up, whole motion moves, and what they show is as told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.overlap import compensate

SHAPE = 1, 32, 48, 3


@pytest.fixture
def image():
    return jnp.asarray(np.random.default_rng(0).random(SHAPE), jnp.float32)


def test_without_motion_it_is_the_image(image):
    np.testing.assert_allclose(compensate(image, jnp.zeros((1, 4, 6, 2))), image, atol=1e-6)


@pytest.mark.parametrize(("x", "y"), [(3, -2), (0.5, 0), (-1.25, 4.5), (1000, -1000)])
def test_one_motion_of_all_cells_is_a_shift_beyond_whose_border_is_what_is_at_it(image, x, y):
    motion = jnp.broadcast_to(jnp.array([x, y], jnp.float32), (1, 4, 6, 2))
    rows, columns = (np.clip(np.arange(n) + by, 0, n - 1) for n, by in ((32, y), (48, x)))

    def along(x: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (at - low).reshape([-1 if n == axis else 1 for n in range(4)])
        return (1 - share) * x.take(low, axis) + share * x.take(high, axis)

    expected = along(along(np.asarray(image), rows, 1), columns, 2)
    np.testing.assert_allclose(compensate(image, motion), expected, atol=1e-5)


def test_a_cell_reaches_half_into_those_beside_it_and_less_further_out(image):
    motion = jnp.zeros((1, 4, 6, 2)).at[0, 2, 3].set(jnp.array([4.0, 0.0]))
    changed = np.abs(compensate(image, motion) - image).max(-1)[0] > 1e-6
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max()) == (12, 27) and (columns.min(), columns.max()) == (20, 35)


def test_its_gradient_to_the_image_is_that_of_a_linear_map(image):
    motion = jnp.asarray(np.random.default_rng(1).normal(0, 3, (1, 4, 6, 2)), jnp.float32)
    weights = jnp.asarray(np.random.default_rng(2).random(SHAPE), jnp.float32)
    slope = jax.grad(lambda x: (weights * compensate(x, motion)).sum())(image)
    total = (weights * compensate(image, motion)).sum()
    np.testing.assert_allclose((slope * image).sum(), total, rtol=1e-4)
