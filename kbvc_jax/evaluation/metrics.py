"""Distortion of one frame. Arrays in, numbers out."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

# Identical frames have no PSNR; a mean needs a number.
PSNR_LIMIT = 100.0

# Wang, Simoncelli and Bovik 2003.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
MS_SSIM_MINIMUM = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1  # pixels a side


def psnr(a: Num[np.ndarray, "*shape"], b: Num[np.ndarray, "*shape"], peak: int) -> float:
    """Decibels, over all samples, at most PSNR_LIMIT."""
    difference = a.astype(np.float32) - b
    error = float(np.square(difference).mean(dtype=np.float64))
    return PSNR_LIMIT if error == 0 else min(10 * math.log10(peak**2 / error), PSNR_LIMIT)


def ms_ssim(a: Num[np.ndarray, "h w c"], b: Num[np.ndarray, "h w c"], peak: int) -> float | None:
    """Multi-scale SSIM, the mean over channels; None for frames too small for five scales."""
    if min(a.shape[:2]) < MS_SSIM_MINIMUM:
        return None
    return float(_ms_ssim(jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32), peak))


@partial(jax.jit, static_argnames="peak")
def _ms_ssim(a: Float[Array, "h w c"], b: Float[Array, "h w c"], peak: int) -> Float[Array, ""]:
    product = jnp.ones(a.shape[-1])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        similarity, contrast = _ssim(a, b, peak)
        last = scale == len(SCALE_WEIGHTS) - 1
        product *= jnp.maximum(similarity if last else contrast, 0) ** weight
        a, b = _halve(a), _halve(b)
    return product.mean()


def _ssim(a: Array, b: Array, peak: int) -> tuple[Float[Array, "c"], Float[Array, "c"]]:
    """SSIM and its contrast-structure part, a value for each channel."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b, square_a, square_b, both = _blur(jnp.stack([a, b, a * a, b * b, a * b]))
    variances = square_a + square_b - mean_a**2 - mean_b**2
    contrast = (2 * (both - mean_a * mean_b) + c2) / (variances + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast).mean((0, 1)), contrast.mean((0, 1))


def _blur(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """Separable Gaussian window, without the borders."""
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps = (taps / taps.sum()).astype(np.float32)
    height, width = x.shape[1] - WINDOW + 1, x.shape[2] - WINDOW + 1
    zero = jnp.zeros(())
    x = sum((t * x[:, i : i + height] for i, t in enumerate(taps)), zero)
    return sum((t * x[:, :, i : i + width] for i, t in enumerate(taps)), zero)


def _halve(x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    """Means of 2x2 samples; an odd side gets a zero in front, as the common implementation has."""
    height, width, channels = x.shape
    x = jnp.pad(x, ((height % 2, 0), (width % 2, 0), (0, 0)))
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, channels).mean((1, 3))
