"""Motion is smooth where nothing shows it, and stays where something does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.smoothing import LEVELS, certainty, smooth

CELL, WEIGHT = 8, jnp.array([1e4])


def textured(height: int, width: int, seed: int = 0):
    return jax.random.uniform(jax.random.key(seed), (1, height, width, 3))


def noisy(height: int, width: int):
    """Cells of a pan, and what a search adds to it."""
    found = jax.random.normal(jax.random.key(1), (1, height // CELL, width // CELL, 2))
    return jnp.array([3.0, -2.0]) + found


def test_without_texture_noise_goes_and_the_pan_stays():
    flat = jnp.full((1, 96, 128, 3), 0.5)
    motion = noisy(96, 128)
    smoothed = smooth(motion, certainty(flat, WEIGHT, CELL))
    assert smoothed.std((1, 2)).max() < 0.1 * motion.std((1, 2)).min()
    np.testing.assert_allclose(smoothed.mean((1, 2)), motion.mean((1, 2)), atol=0.05)


def test_where_texture_shows_it_motion_stays():
    motion = noisy(96, 128)
    smoothed = smooth(motion, certainty(textured(96, 128), WEIGHT, CELL))
    np.testing.assert_allclose(smoothed, motion, atol=0.02)


def test_an_edge_holds_the_motion_across_it_alone():
    stripes = jnp.tile((jnp.arange(128) % 8 < 4).astype(jnp.float32)[:, None], (1, 96, 1, 3))
    motion = noisy(96, 128)
    across, along = jnp.moveaxis(smooth(motion, certainty(stripes, WEIGHT, CELL)) - motion, -1, 0)
    assert jnp.abs(across).max() < 0.02
    assert jnp.abs(along).mean() > 0.5


def test_both_sides_of_an_object_keep_their_own_motion():
    motion = jnp.zeros((1, 12, 16, 2)).at[:, :, 8:].set(jnp.array([6.0, 0.0]))
    frame = 0.4 * textured(96, 128)
    smoothed = smooth(motion, certainty(frame, WEIGHT, CELL))
    assert jnp.abs(smoothed - motion).max() < 0.1


@pytest.mark.heavy
@pytest.mark.parametrize(("height", "width"), [(16, 16), (48, 80), (8 * 2 ** (LEVELS - 1), 64)])
def test_a_single_motion_stays_at_any_size(height, width):
    motion = jnp.broadcast_to(jnp.array([1.5, -0.25]), (2, height // CELL, width // CELL, 2))
    frames = jnp.concatenate([textured(height, width), jnp.full((1, height, width, 3), 0.2)])
    smoothed = smooth(motion, certainty(frames, jnp.array([1.0, 100.0]), CELL))
    np.testing.assert_allclose(smoothed, motion, atol=1e-3)


def test_coarser_qualities_are_told_less_finely():
    frame, motion = 0.4 * textured(96, 128), noisy(96, 128)
    spreads = [
        float(smooth(motion, certainty(frame, jnp.array([weight]), CELL)).std((1, 2)).max())
        for weight in (1.0, 10.0, 100.0)
    ]
    assert spreads == sorted(spreads)
    assert spreads[0] < 0.8 * spreads[-1]
