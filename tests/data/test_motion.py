import jax
import jax.numpy as jnp
import numpy as np
from data.footage import texture

from kbvc_jax.data import motion


def test_host_and_device_animate_alike():
    uniforms = np.random.default_rng(1).random(motion.UNIFORMS, np.float32)
    on_host = motion.animate(texture(0), texture(1, 56, 56), uniforms, 3, (32, 48))
    animate = jax.jit(lambda a, b, u: motion.animate(a, b, u, 3, (32, 48)))
    on_device = animate(texture(0), texture(1, 56, 56), jnp.asarray(uniforms))
    assert on_host.shape == (3, 32, 48, 3)
    # sin, cos and exp differ by an ulp, which a sample may feel as one level.
    difference = np.abs(on_host.astype(int) - np.asarray(on_device))
    assert np.mean(difference > 1) < 1e-3


def test_clips_move_slowly_or_fast_but_are_no_slide_show():
    still, other = (texture(seed, 384, 512, cell=32) for seed in (0, 1))
    clips = [
        motion.animate(still, other, uniforms, 3, (64, 64)).astype(int)
        for uniforms in np.random.default_rng(2).random((30, motion.UNIFORMS), np.float32)
    ]
    moved = [np.abs(np.diff(clip, axis=0)).mean() for clip in clips]
    between = np.abs(np.diff([clip[0] for clip in clips], axis=0)).mean()
    assert min(moved) > 0.05
    assert min(moved) < 0.05 * between
    assert np.median(moved) < 0.5 * between


def test_the_middle_of_all_paths_is_a_still():
    """No speed, no zoom, no rotation, no exposure change: every frame is the same picture."""
    uniforms = np.full(motion.UNIFORMS, 0.5, np.float32)
    uniforms[[0, 11]] = 0  # the speeds of camera and object
    clip = motion.animate(texture(0), texture(1), uniforms, 3, (32, 32))
    assert (clip == clip[0]).all()
    assert len(np.unique(clip)) > 20


def test_samples_at_whole_pixels_are_the_picture_and_beyond_it_its_mirror_image():
    picture = texture(3)
    rows, columns = np.meshgrid(np.arange(-3, 5.0), np.arange(60.0, 70), indexing="ij")
    samples = motion._sample(picture, rows[None], columns[None])[0]
    padded = np.pad(picture, ((3, 0), (0, 6), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(samples, padded[:8, 60:70])
