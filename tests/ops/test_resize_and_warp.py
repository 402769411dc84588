import jax
import jax.numpy as jnp
import numpy as np

from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import warp


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_upsampling_equals_half_pixel_bilinear_resizing():
    x = draw(2, 5, 7, 3)
    expected = jax.image.resize(x, (2, 10, 14, 3), "bilinear")
    np.testing.assert_allclose(upsample2(x), expected, atol=1e-5)


def test_a_zero_flow_returns_the_image():
    image = draw(1, 4, 6, 2)
    np.testing.assert_allclose(warp(image, jnp.zeros((1, 4, 6, 2))), image, atol=1e-6)


def test_a_flow_points_to_where_a_sample_comes_from():
    image = jnp.arange(24.0).reshape(1, 4, 6, 1)
    right = warp(image, jnp.full((1, 4, 6, 2), jnp.array([0.5, 0.0])))
    np.testing.assert_allclose(right[0, 1, 1, 0], image[0, 1, 1, 0] + 0.5)
    down = warp(image, jnp.full((1, 4, 6, 2), jnp.array([0.0, 1.0])))
    np.testing.assert_allclose(down[0, 1, 1, 0], image[0, 2, 1, 0])


def test_a_single_row_or_column_is_moved_along_itself():
    row = jnp.arange(6.0).reshape(1, 1, 6, 1)
    flow = jnp.full((1, 1, 6, 2), jnp.array([0.5, 9.0]))
    expected = jnp.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.0])
    np.testing.assert_allclose(warp(row, flow).ravel(), expected)
    column, down = row.swapaxes(1, 2), flow.swapaxes(1, 2)[..., ::-1]
    np.testing.assert_allclose(warp(column, down).ravel(), expected)


def test_a_flow_beyond_the_border_is_clamped_to_it():
    image = draw(1, 4, 6, 2)
    far = warp(image, jnp.full((1, 4, 6, 2), 100.0))
    np.testing.assert_allclose(far, jnp.broadcast_to(image[:, -1:, -1:], far.shape), atol=1e-6)


def test_gradients_of_warp_agree_with_central_differences():
    image, flow = draw(1, 4, 6, 2), 0.3 * draw(1, 4, 6, 2, seed=1)
    weight = draw(1, 4, 6, 2, seed=2)

    def value(image, flow):
        return (warp(image, flow) * weight).sum()

    for which, gradient in enumerate(jax.grad(value, (0, 1))(image, flow)):
        direction, step = draw(*gradient.shape, seed=3), 1e-3
        plus = [a + step * direction if k == which else a for k, a in enumerate((image, flow))]
        minus = [a - step * direction if k == which else a for k, a in enumerate((image, flow))]
        numeric = (value(*plus) - value(*minus)) / (2 * step)
        np.testing.assert_allclose((gradient * direction).sum(), numeric, rtol=2e-2, atol=2e-2)
