import jax
import jax.numpy as jnp
import numpy as np

from kbvc_jax.ops.quantise import noise, straight_through


def test_straight_through_rounds_and_passes_the_gradient():
    x = jnp.array([0.4, 1.6, -2.2])
    np.testing.assert_array_equal(straight_through(x), [0, 2, -2])
    np.testing.assert_array_equal(jax.grad(lambda x: straight_through(x).sum())(x), [1, 1, 1])


def test_noise_fills_one_bin_evenly():
    drawn = noise(jnp.zeros(20_000), jax.random.key(0))
    assert -0.5 <= drawn.min() and drawn.max() <= 0.5
    np.testing.assert_allclose([drawn.mean(), drawn.var()], [0, 1 / 12], atol=5e-3)
