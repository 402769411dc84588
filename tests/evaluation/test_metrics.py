import numpy as np
import pytest
from scipy.ndimage import correlate1d

from kbvc_jax.evaluation.metrics import PSNR_LIMIT, ms_ssim, psnr


def picture(height, width, seed=0):
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 7 + c) * np.cos(y / 11 - c) for c in range(3)], -1)
    noise = np.random.default_rng(seed).normal(0, 8, waves.shape)
    return np.clip(127 + 80 * waves + noise, 0, 255).astype(np.uint8)


def reference_ms_ssim(a, b, peak):
    """The definition, in double precision, a channel at a time."""
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(x):
        return correlate1d(correlate1d(x, window, 0), window, 1)[5:-5, 5:-5]

    values = []
    for channel in range(a.shape[2]):
        x, y, product = a[..., channel].astype(float), b[..., channel].astype(float), 1.0
        for scale, weight in enumerate(weights):
            mx, my = blur(x), blur(y)
            vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
            c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
            contrast = (2 * vxy + c2) / (vx + vy + c2)
            luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
            last = scale == 4
            product *= (luminance * contrast if last else contrast).mean() ** weight
            pads = [(side % 2, 0) for side in x.shape]
            x, y = (np.pad(v, pads) for v in (x, y))
            x, y = ((v[::2] + v[1::2])[:, ::2] + (v[::2] + v[1::2])[:, 1::2] for v in (x, y))
            x, y = x / 4, y / 4
        values.append(product)
    return np.mean(values)


def test_psnr_of_a_known_error():
    a = np.full((4, 4, 3), 100, np.uint8)
    for other in (a + np.uint8(5), a - np.uint8(5)):
        assert psnr(a, other, 255) == pytest.approx(20 * np.log10(255 / 5))


def test_psnr_of_ten_bit_samples_counts_from_their_peak():
    a = np.full((4, 4, 3), 400, np.uint16)
    assert psnr(a, a + 20, 1023) == pytest.approx(20 * np.log10(1023 / 20))


def test_identical_frames_have_the_limit():
    a = picture(8, 8)
    assert psnr(a, a, 255) == PSNR_LIMIT


@pytest.mark.parametrize("size", [(176, 192), (181, 203)])
def test_ms_ssim_agrees_with_its_definition(size):
    a = picture(*size)
    b = np.clip(a + np.random.default_rng(1).normal(0, 12, a.shape), 0, 255).astype(np.uint8)
    assert ms_ssim(a, b, 255) == pytest.approx(reference_ms_ssim(a, b, 255), abs=1e-4)


def test_ms_ssim_of_identical_frames_is_one():
    a = picture(176, 176)
    assert ms_ssim(a, a, 255) == pytest.approx(1, abs=1e-5)


def test_a_frame_too_small_for_five_scales_has_no_ms_ssim():
    a = picture(160, 300)
    assert ms_ssim(a, a, 255) is None
