import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops import alignment
from kbvc_jax.ops.warp import warp
from kbvc_jax.ops.windows import window_mean

align = jax.jit(alignment.align)
RNG = np.random.default_rng(5)
# Blotches of every size, their edges softened: brightness has slopes.
WORLD = sum(
    np.kron(RNG.random((320 // size, 384 // size, 3)), np.ones((size, size, 1))) / 4
    for size in (4, 8, 16, 32)
)
for _axis in (0, 1):
    WORLD = sum(np.roll(WORLD, shift, _axis) for shift in range(-1, 2)) / 3
INNER = np.s_[:, 48:-48, 48:-48]


def view(top: float, left: float) -> jnp.ndarray:
    """160x192 of the world, between its pixels where asked."""
    world = jnp.asarray(WORLD[None], jnp.float32)
    whole = jnp.broadcast_to(jnp.array([96.0 + left, 80.0 + top]), (1, 320, 384, 2))
    return warp(world, whole)[:, :160, :192]


@pytest.mark.parametrize("motion", [(0, 0), (1, 0), (0.5, -0.25), (-7.3, 11.8), (22.6, -17.4)])
def test_a_camera_that_pans_by_any_part_of_a_pixel(motion):
    x, y = motion
    found = align(view(0, 0), view(-y, -x))
    # To a quarter of a pixel; where brightness is even, none can tell.
    assert jnp.median(jnp.abs(found - jnp.array([x, y]))[INNER]) < 0.25


def test_a_picture_that_is_coded_badly_is_enough():
    """Its motion found, the reference shows what it had looked like."""
    picture, reference = view(0, 0), view(3.5, -6.25)
    blocks = picture.reshape(1, 20, 8, 24, 8, 3).mean((2, 4))
    bad = jax.image.resize(blocks, picture.shape, "bilinear")
    moved = warp(reference, align(bad, reference))

    def error(x):
        return float(jnp.square(x - picture)[INNER].mean())

    assert error(moved) < 0.5 * min(error(bad), error(reference))


def test_what_is_alike_does_not_move():
    frame = jnp.asarray(RNG.random((2, 32, 48, 3)), jnp.float32)
    np.testing.assert_allclose(align(frame, frame), 0, atol=1e-5)


def test_the_smallest_frame_has_a_motion():
    assert align(view(0, 0)[:, :16, :16], view(1, 0)[:, :16, :16]).shape == (1, 16, 16, 2)


def test_the_mean_of_a_window_goes_on_beyond_the_edge():
    x = RNG.random((2, 5, 7), np.float32)
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="edge")
    expected = [[padded[:, i : i + 5, j : j + 5].mean((1, 2)) for j in range(7)] for i in range(5)]
    np.testing.assert_allclose(
        window_mean(jnp.asarray(x), 2), np.transpose(expected, (2, 0, 1)), rtol=1e-5
    )
