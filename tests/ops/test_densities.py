import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.coding.tables import gaussian_tables, symbol_bits
from kbvc_jax.ops import densities


def log_tail(x: float) -> float:
    """log of the standard normal's mass above x, in float64; beyond 5 by a continued fraction."""
    if x < 5:
        return math.log(math.erfc(x / math.sqrt(2)) / 2)
    fraction = x
    for k in range(80, 0, -1):
        fraction = x + k / fraction
    return -x * x / 2 - math.log(2 * math.pi) / 2 - math.log(fraction)


def exact_bits(distance: float, scale: float) -> float:
    near, far = (log_tail((distance + side) / scale) for side in (-0.5, 0.5))
    return -(near + math.log(-math.expm1(far - near))) / math.log(2)


def central(function, x: float, step: float) -> float:
    return (function(x + step) - function(x - step)) / (2 * step)


def test_coded_bits_are_the_tables_price_in_the_centre_and_beyond_their_ends():
    scales = densities.scale_table()[5:60:6]
    tables = gaussian_tables(scales.tolist())
    for index, scale in enumerate(scales):
        for deviations in (0, 1, 3, 4.2, 5, 8, 30):
            symbol = round(deviations * scale)
            found = densities.coded_bits(jnp.float32(symbol), jnp.float32(scale))
            priced = symbol_bits(np.array([symbol]), np.array([index]), tables)
            assert float(found) == pytest.approx(priced, abs=0.6)


SCALES = [0.11, 0.3, 1.0, 4.0, 30.0, 256.0]
DEVIATIONS = [0.0, 0.1, 0.5, 1.1, 2.0, 3.0, 5.0, 6.0, 8.0, 12.0, 20.0, 30.0, 50.0]


@pytest.mark.parametrize("scale", SCALES)
def test_gaussian_bits_and_gradients_are_those_of_float64_up_to_50_deviations(scale):
    def bits(y, scale):
        return densities.gaussian_bits(y, jnp.zeros_like(y), scale).sum()

    y = jnp.asarray(DEVIATIONS, jnp.float32) * scale
    scales = jnp.full_like(y, scale)
    distances, (exact_scale, *_) = np.float64(y), np.float64(scales)
    step = 1e-5 * exact_scale
    found = densities.gaussian_bits(y, jnp.zeros_like(y), scales)
    np.testing.assert_allclose(
        found, [exact_bits(d, exact_scale) for d in distances], rtol=1e-5, atol=1e-6
    )
    by_y, by_scale = jax.grad(bits, (0, 1))(y, scales)
    np.testing.assert_allclose(
        by_y,
        [central(lambda d: exact_bits(abs(d), exact_scale), d, step) for d in distances],
        rtol=5e-4,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        by_scale,
        [central(lambda s, d=d: exact_bits(d, s), exact_scale, step) for d in distances],
        rtol=5e-4,
        atol=1e-5,
    )


def test_both_tails_cost_the_same_and_pull_the_mean_their_way():
    def bits(y):
        return densities.gaussian_bits(y, jnp.array(3.0), jnp.array(0.7))

    left, right = (jax.value_and_grad(bits)(jnp.array(3.0 + side)) for side in (-25.0, 25.0))
    assert left[0] == right[0]
    assert left[1] == -right[1] < 0


def test_a_bin_that_float32_cannot_part_has_finite_bits():
    bits = densities.gaussian_bits(jnp.array(2.0), jnp.array(0.0), jnp.array(1e12))
    assert 20 < bits < 40


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


def sigmoid_bits(lower: float, upper: float) -> float:
    """In float64, with both edges mirrored to where sigmoids are small."""
    if lower + upper > 0:
        lower, upper = -upper, -lower
    mass = 1 / (1 + math.exp(-upper)) - 1 / (1 + math.exp(-lower))
    return -math.log2(mass)


@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_factorised_bits_are_those_of_float64_into_the_tails(spread):
    density = densities.init_factorised(jax.random.key(0), 1, spread=1.0)
    z = spread * jnp.array([-50.0, -20, -5, -1, 0, 0.3, 2, 10, 50])[:, None]
    found, slopes = jax.vmap(
        jax.value_and_grad(lambda z: densities.factorised_bits(z, density, spread).sum())
    )(z)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), density)

        def exact(z: float) -> float:
            edges = (jnp.array([(z + side) / spread]) for side in (-0.5, 0.5))
            lower, upper = (float(densities.factorised_logits(x, wide)[0]) for x in edges)
            return sigmoid_bits(lower, upper)

        points = [float(x) for x in np.asarray(z)[:, 0]]
        np.testing.assert_allclose(found, [exact(x) for x in points], rtol=1e-5, atol=1e-6)
        wanted = [central(exact, x, 1e-4 * spread) for x in points]
    np.testing.assert_allclose(slopes[:, 0], wanted, rtol=1e-3, atol=1e-4)


def test_the_farthest_symbol_of_a_factorised_density_still_pulls():
    density = densities.init_factorised(jax.random.key(0), 1, spread=1.0)
    pull = jax.grad(lambda z: densities.factorised_bits(z, density).sum())(jnp.array([300.0]))
    assert np.isfinite(pull).all() and (pull > 0.1).all()
