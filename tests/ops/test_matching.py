import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax import open_video, selftest
from kbvc_jax.ops.matching import (
    FINENESS,
    FOLLOWED_WINDOW,
    REACH,
    STEP,
    STILL,
    WINDOW,
    follow,
    match,
)
from kbvc_jax.ops.warp import warp

RNG = np.random.default_rng(5)
# Blotches of any colour and, as in pictures, of every size.
WORLD = sum(
    np.kron(RNG.random((320 // size, 384 // size, 3)), np.ones((size, size, 1))) / 4
    for size in (8, 16, 32, 64)
)


def view(top: int, left: int) -> jnp.ndarray:
    """160x192 of the world."""
    return jnp.asarray(WORLD[None, 80 + top : 240 + top, 96 + left : 288 + left], jnp.float32)


# To both sides of the middle; in steps of 4 pixels, which the finest level can tell.
@pytest.mark.parametrize("motion", [(0, 0), (4, 0), (0, -8), (-16, 12), (16, -16)])
def test_a_camera_that_pans(motion):
    x, y = motion
    found = match(view(y, x), view(-y, -x))
    inner = np.s_[:, 64:-64, 64:-64]
    np.testing.assert_array_equal(
        found[inner], jnp.broadcast_to(jnp.array([-x, -y]), found.shape)[inner]
    )


def test_both_frames_moved_are_the_one_between():
    previous, middle, following = view(-8, 4), view(0, 0), view(8, -4)
    motion = match(previous, following)
    inner = np.s_[:, 64:-64, 64:-64]
    np.testing.assert_array_equal(warp(previous, motion)[inner], middle[inner])
    np.testing.assert_array_equal(warp(following, -motion)[inner], middle[inner])


def test_what_moves_before_what_stands_still():
    """A square that goes 16 pixels to the right."""
    ground, square = np.array(view(0, 0)), np.array(view(100, 90))[:, :96, :96]
    previous, following = ground.copy(), ground.copy()
    previous[:, 32:128, 32:128], following[:, 32:128, 48:144] = square, square
    found = np.asarray(match(jnp.asarray(previous), jnp.asarray(following)))
    np.testing.assert_array_equal(found[0, 72:88, 80:96, 0], -8)
    np.testing.assert_array_equal(found[0, 72:88, 80:96, 1], 0)
    np.testing.assert_array_equal(found[0, :, -8:], 0)


def test_nothing_to_see_does_not_move():
    grey = jnp.full((2, 32, 48, 3), 0.5)
    noise = jnp.asarray(RNG.normal(0.5, 0.002, grey.shape), jnp.float32)
    np.testing.assert_array_equal(match(grey, grey), 0)
    np.testing.assert_array_equal(match(noise, noise[::-1]), 0)


def test_the_smallest_frame_has_a_motion():
    assert match(view(0, 0)[:, :16, :16], view(0, 0)[:, :16, :16]).shape == (1, 16, 16, 2)


def test_what_another_machine_rounds_otherwise_finds_the_same_motion():
    with open_video(selftest.ASSETS.parent / "bunny.mp4") as video:
        frames = jnp.asarray(np.stack(list(itertools.islice(video, 16))), jnp.float32) / 255
    frames += jnp.asarray(RNG.uniform(-0.002, 0.002, frames.shape), jnp.float32)  # not of 8 bits
    others = frames + jnp.asarray(RNG.uniform(-2e-6, 2e-6, frames.shape), jnp.float32)
    for find in (match, follow):
        ours, theirs = (find(x[:8], x[8:]) for x in (frames, others))
        np.testing.assert_array_equal(ours, theirs)


def test_the_largest_sum_of_a_window_is_exact_in_float32():
    positions = (2 * max(WINDOW, FOLLOWED_WINDOW) + 1) ** 2
    differences, steps = 3 * 255 * FINENESS, STEP * 2 * REACH
    assert positions * (differences + steps) < 2**24 and STEP % 1 == STILL % 1 == 0
