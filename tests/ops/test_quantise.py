import jax
import jax.numpy as jnp
import numpy as np

from kbvc_jax.ops.quantise import noise, soft, straight_through


def test_straight_through_rounds_and_passes_the_gradient():
    x = jnp.array([0.4, 1.6, -2.2])
    np.testing.assert_array_equal(straight_through(x), [0, 2, -2])
    np.testing.assert_array_equal(jax.grad(lambda x: straight_through(x).sum())(x), [1, 1, 1])


def test_noise_fills_one_bin_evenly():
    drawn = noise(jnp.zeros(20_000), jax.random.key(0))
    assert -0.5 <= drawn.min() and drawn.max() <= 0.5
    np.testing.assert_allclose([drawn.mean(), drawn.var()], [0, 1 / 12], atol=5e-3)


def test_soft_rounding_rises_through_the_integers_and_is_steep_between_them():
    x = jnp.linspace(-2, 2, 401)
    rounded = soft(x, 3.0)
    np.testing.assert_allclose(rounded[::100], [-2, -1, 0, 1, 2], atol=1e-5)
    assert (jnp.diff(rounded) > 0).all()
    far = [jnp.abs(soft(x, sharpness) - jnp.rint(x)).mean() for sharpness in (0.1, 3.0, 30.0)]
    assert far[0] > 1.2 * far[1] > 2 * far[2]
    slope = jax.vmap(jax.grad(soft), (0, None))(jnp.array([0.1, 0.5]), 3.0)
    assert slope[0] < 1 < slope[1]
