import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from kbvc_jax.models.parameters import split
from kbvc_jax.training.interpolator_loss import (
    NOISE,
    census,
    charbonnier,
    gaussian_rate,
    interpolation_loss,
)
from tests.training.stub import StubInterpolator

pytestmark = pytest.mark.usefixtures("optimised")


def one_triplet(offset, measure="ifrnet"):
    """The loss where the mean of both references is right but for `offset`."""
    skeleton, _ = split(StubInterpolator())
    frames = jnp.full((3, 16, 16, 3), 0.5)
    return interpolation_loss(skeleton.model({"offset": offset}), frames, measure)[0]


def images(seed: int, channels: int = 1):
    return jax.random.uniform(jax.random.key(seed), (2, 16, 12, channels))


def test_census_is_blind_to_brightness_and_sees_structure():
    a = images(0)
    assert float(census(a, a + 0.3, 7)) == pytest.approx(0, abs=1e-9)
    assert float(census(a, images(1), 7)) > 0.01


def test_census_agrees_with_its_definition_on_one_window():
    a, b = np.asarray(images(0))[:1, :3, :3], np.asarray(images(1))[:1, :3, :3]

    def relation(x):
        difference = x - x[:, 1:2, 1:2]
        return difference / np.sqrt(0.81 + difference**2)

    distance = (relation(a) - relation(b)) ** 2
    # One of nine pixels has its whole window inside.
    expected = np.mean(distance / (0.1 + distance)) / 9
    assert float(census(jnp.asarray(a), jnp.asarray(b), 3)) == pytest.approx(expected, rel=1e-5)


def test_census_has_correct_gradients():
    check_grads(lambda x: census(jnp.asarray(x), images(1), 3), (images(0),), 1, ["rev"], 1e-2)


def test_charbonnier_is_nearly_the_absolute_difference():
    assert float(charbonnier(jnp.full((1, 2, 2, 3), -0.5))) == pytest.approx(0.5, rel=1e-4)


def test_all_triplets_of_a_group_count():
    """Frames that change linearly in time: the mean of both is right at every distance."""
    frames = jnp.linspace(0.2, 0.8, 5)[:, None, None, None] * jnp.ones((5, 16, 16, 3))
    loss, metrics, found = interpolation_loss(StubInterpolator(), frames)
    assert found.shape == (3, 16, 16, 3)  # frames 2, 1, 3
    np.testing.assert_allclose(found[:, 0, 0, 0], [0.5, 0.35, 0.65], rtol=1e-6)
    assert float(loss) == pytest.approx(1e-3, rel=1e-3)  # Charbonnier of nothing
    assert float(metrics["psnr"]) == float(metrics["psnr_average"])


def test_a_wrong_frame_costs_and_its_gradient_points_back():
    value, gradient = jax.value_and_grad(one_triplet)(jnp.full(3, 0.1))
    assert float(value) == pytest.approx(0.1, rel=0.01)
    np.testing.assert_allclose(gradient, 1 / 3, rtol=0.01)


def test_what_is_clipped_away_costs_nothing():
    """As in IFRNet's own training: 0.5 + 0.7 is shown as 1."""
    value, gradient = jax.value_and_grad(one_triplet)(jnp.full(3, 0.7))
    assert float(value) == pytest.approx(float(one_triplet(jnp.full(3, 0.5))))
    assert not gradient.any()


@pytest.mark.slow  # holds to its last bits, compiled as users have it
def test_the_rate_of_an_error_is_half_a_bit_for_each_doubling_of_its_variance():
    for times in (1, 3, 255):
        offset = jnp.full(3, (times * NOISE) ** 0.5)
        assert float(one_triplet(offset, "rate")) == pytest.approx(0.5 * np.log2(1 + times))
    gradient = jax.grad(one_triplet)(jnp.array([0.0, 0.03, -0.04]), "rate")
    assert gradient[0] == 0 and gradient[1] > 0 > gradient[2]


def test_an_error_all_in_one_block_costs_less_than_the_same_spread_out():
    error = jnp.full((1, 16, 16, 3), 0.125)
    gathered = jnp.zeros_like(error).at[:, :8, 8:].set(0.25)
    assert float(jnp.mean(error**2)) == pytest.approx(float(jnp.mean(gathered**2)))
    assert float(gaussian_rate(gathered)) < 0.5 * float(gaussian_rate(error))
