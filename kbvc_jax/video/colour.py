"""Between the planes of a video and RGB."""

import numpy as np
from jaxtyping import Float, UInt

from kbvc_jax.video.chroma import downsample, upsample
from kbvc_jax.video.format import VideoFormat

Planes = tuple[UInt[np.ndarray, "_ _"], ...]  # Y, U, V; Y alone for grey
# Luma's shares of red and blue.
_SHARES = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}


def rgb_from_yuv(planes: Planes, format: VideoFormat) -> UInt[np.ndarray, "h w 3"]:
    luma_black, luma_span, chroma_span = _levels(format)
    luma = (planes[0].astype(np.float32) - luma_black) / luma_span
    if format.chroma == "400":
        return _to_grid(np.repeat(luma[..., None], 3, axis=-1), format)
    middle = 2 ** (format.bit_depth - 1)
    blue, red = (
        upsample((plane.astype(np.float32) - middle) / chroma_span, format) for plane in planes[1:]
    )
    of_red, of_blue = _SHARES[format.matrix]
    of_green = 1 - of_red - of_blue
    rgb = np.empty((*luma.shape, 3), np.float32)
    rgb[..., 0] = luma + 2 * (1 - of_red) * red
    rgb[..., 2] = luma + 2 * (1 - of_blue) * blue
    rgb[..., 1] = luma - 2 / of_green * (
        of_red * (1 - of_red) * red + of_blue * (1 - of_blue) * blue
    )
    return _to_grid(rgb, format)


def yuv_from_rgb(rgb: UInt[np.ndarray, "h w 3"], format: VideoFormat) -> Planes:
    luma_black, luma_span, chroma_span = _levels(format)
    red, green, blue = np.moveaxis(rgb.astype(np.float32) / format.peak, -1, 0)
    of_red, of_blue = _SHARES[format.matrix]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    planes = [luma * luma_span + luma_black]
    if format.chroma != "400":
        middle = 2 ** (format.bit_depth - 1)
        for colour, share in ((blue, of_blue), (red, of_red)):
            difference = (colour - luma) / (2 * (1 - share))
            planes.append(downsample(difference, format) * chroma_span + middle)
    return tuple(_rounded(plane, format) for plane in planes)


def _levels(format: VideoFormat) -> tuple[int, int, int]:
    """Black, the span of luma and the span of chroma, in samples."""
    if format.full_range:
        return 0, format.peak, format.peak
    unit = 2 ** (format.bit_depth - 8)
    return 16 * unit, 219 * unit, 224 * unit


def _to_grid(rgb: Float[np.ndarray, "h w 3"], format: VideoFormat) -> UInt[np.ndarray, "h w 3"]:
    return _rounded(rgb * format.peak, format)


def _rounded(samples: np.ndarray, format: VideoFormat) -> np.ndarray:
    kind = np.uint8 if format.bit_depth == 8 else np.uint16
    return np.rint(samples).clip(0, format.peak).astype(kind)
