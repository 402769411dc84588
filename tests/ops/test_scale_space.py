import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.scale_space import gaussian_blur, gaussian_volume, warp_volume
from kbvc_jax.ops.warp import warp


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_a_blurred_point_is_a_gaussian():
    point = jnp.zeros((1, 31, 31, 1)).at[0, 15, 15].set(1)
    found = np.asarray(gaussian_blur(point, 2.0))[0, ..., 0]
    away = np.arange(31) - 15
    expected = np.exp(-0.5 * (away[:, None] ** 2 + away**2) / 2.0**2) / (2 * np.pi * 2.0**2)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.heavy
def test_each_level_is_twice_as_blurred_as_the_one_before():
    point = jnp.zeros((1, 128, 128, 1)).at[0, 63:65, 63:65].set(0.25)
    volume = np.asarray(gaussian_volume(point, 1.5, 4))[0, ..., 0]
    assert volume.shape == (5, 128, 128)
    np.testing.assert_array_equal(volume[0], point[0, ..., 0])
    np.testing.assert_allclose(volume.sum((1, 2)), 1, rtol=1e-3)
    away = np.arange(128) - 63.5
    spread = np.sqrt((volume.sum(1) * away**2).sum(-1))
    # Levels of small sizes add up the blurs before them and those of halving.
    np.testing.assert_allclose(spread[1:], 1.5 * 2 ** np.arange(4), rtol=0.3)
    assert (np.diff(spread) > 0).all()


@pytest.mark.parametrize("level", [0, 1, 3])
def test_at_a_whole_level_it_is_a_warp_of_that_level(level):
    volume, flow = draw(2, 4, 6, 8, 3), 2 * draw(2, 6, 8, 2, seed=1)
    found = warp_volume(volume, flow, jnp.full((2, 6, 8, 1), float(level)))
    np.testing.assert_allclose(found, warp(volume[:, level], flow), atol=1e-5)


def test_between_levels_it_is_their_mixture_and_beyond_them_the_outermost():
    volume, flow = draw(1, 3, 6, 8, 3), draw(1, 6, 8, 2, seed=1)
    low, high = (warp(volume[:, level], flow) for level in (1, 2))
    found = warp_volume(volume, flow, jnp.full((1, 6, 8, 1), 1.25))
    np.testing.assert_allclose(found, 0.75 * low + 0.25 * high, atol=1e-5)
    for scale, level in ((-3.0, 0), (9.0, 2)):
        found = warp_volume(volume, flow, jnp.full((1, 6, 8, 1), scale))
        np.testing.assert_allclose(found, warp(volume[:, level], flow), atol=1e-5)


def test_its_gradients_agree_with_central_differences():
    inputs = draw(1, 3, 5, 6, 2), 0.3 * draw(1, 5, 6, 2, seed=1), 0.5 + 0.1 * draw(1, 5, 6, 1)
    weight = draw(1, 5, 6, 2, seed=2)

    @jax.jit
    def value(*inputs):
        return (warp_volume(*inputs) * weight).sum()

    for which, gradient in enumerate(jax.jit(jax.grad(value, (0, 1, 2)))(*inputs)):
        direction, step = draw(*gradient.shape, seed=3), 1e-3
        plus, minus = (
            value(*(x + sign * step * direction if k == which else x for k, x in enumerate(inputs)))
            for sign in (1, -1)
        )
        numeric = (plus - minus) / (2 * step)
        np.testing.assert_allclose((gradient * direction).sum(), numeric, rtol=2e-2, atol=2e-2)
