import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from kbvc_jax.ops import densities


def test_gaussian_bits_agree_with_the_integral_over_the_bin():
    y = np.linspace(-3, 3, 13)
    found = densities.gaussian_bits(jnp.asarray(y), jnp.full(13, 0.3), jnp.full(13, 0.8))
    mass = norm.cdf(y + 0.5, 0.3, 0.8) - norm.cdf(y - 0.5, 0.3, 0.8)
    np.testing.assert_allclose(found, -np.log2(mass), rtol=1e-4)


def test_the_farthest_tail_costs_what_the_bound_allows_and_still_pulls_the_mean():
    def bits(mean):
        return densities.gaussian_bits(jnp.array(50.0), mean, jnp.array(1.0))

    assert np.isclose(bits(jnp.array(0.0)), -np.log2(densities.LIKELIHOOD_MIN))
    assert np.isfinite(jax.grad(bits)(jnp.array(0.0)))


def test_a_scale_below_the_bound_is_pushed_up_but_never_down():
    push = jax.grad(lambda x: 3 * densities.lower_bound(x, 1.0))
    assert push(jnp.array(0.5)) == 0 and push(jnp.array(2.0)) == 3
    assert jax.grad(lambda x: -3 * densities.lower_bound(x, 1.0))(jnp.array(0.5)) == -3


def test_the_factorised_density_has_58_parameters_a_channel_and_sums_to_one():
    density = densities.init_factorised(jax.random.key(0), 4)
    assert sum(leaf.size for leaf in jax.tree.leaves(density)) == 4 * 58
    z = jnp.broadcast_to(jnp.arange(-200.0, 201)[:, None], (401, 4))
    mass = jnp.exp2(-densities.factorised_bits(z, density)).sum(0)
    np.testing.assert_allclose(mass, 1, atol=1e-3)


def test_gradients_of_the_factorised_density_agree_with_central_differences():
    density = densities.init_factorised(jax.random.key(0), 2)
    z = jnp.array([[0.3, -1.2], [2.0, 5.0]])
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), density)
        x = jnp.asarray(z, jnp.float64)
        gradient = jax.grad(lambda x: densities.factorised_bits(x, wide).sum())(x)
        step = 1e-6
        plus, minus = (densities.factorised_bits(x + s, wide) for s in (step, -step))
        np.testing.assert_allclose(gradient, (plus - minus) / (2 * step), rtol=1e-5)


def test_a_stretched_density_sums_to_one_and_is_wider():
    density = densities.init_factorised(jax.random.key(3), 2, spread=1.0)
    z = jnp.arange(-200.0, 201.0)[:, None] * jnp.ones(2)
    for spread in (0.1, 1.0, 10.0):
        likelihood = 2 ** -densities.factorised_bits(z, density, spread)
        np.testing.assert_allclose(likelihood.sum(0), 1, atol=1e-4)
        mean = (likelihood * z).sum(0)
        deviation = jnp.sqrt((likelihood * (z - mean) ** 2).sum(0))
        # A logistic's, with the bin's own on top.
        np.testing.assert_allclose(deviation**2, (1.814 * spread) ** 2 + 1 / 12, rtol=0.3, atol=0.3)
