"""Between the planes of a video and RGB.

A strip of rows at a time, so that what is between the two stays in the processor's cache.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt

from kbvc_jax.video.chroma import double_columns, double_rows, halve_columns, halve_rows
from kbvc_jax.video.format import VideoFormat

Planes = tuple[UInt[np.ndarray, "_ _"], ...]  # Y, U, V; Y alone for grey
# Luma's shares of red and blue.
_SHARES = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
_STRIP = 64 * 1024  # pixels


def rgb_from_yuv(planes: Planes, format: VideoFormat) -> UInt[np.ndarray, "h w 3"]:
    black, luma_span, middle, chroma_span = _levels(format)
    of_red, of_blue = _SHARES[format.matrix]
    luma_scale, chroma_scale = format.peak / luma_span, 2 * format.peak / chroma_span
    # What a step of the red and of the blue difference adds.
    red_by_v, blue_by_u = (1 - of_red) * chroma_scale, (1 - of_blue) * chroma_scale
    of_green = 1 - of_red - of_blue
    green_by_v, green_by_u = -red_by_v * of_red / of_green, -blue_by_u * of_blue / of_green

    differences = [double_rows(plane, format) for plane in planes[1:]]
    rgb = np.empty((format.height, format.width, 3), _sample_type(format))
    for rows in _strips(format):
        luma = _linear(planes[0][rows], luma_scale, -black * luma_scale)
        if not differences:
            rgb[rows] = _on_grid(luma, format)[..., None]
            continue
        u, v = (_linear(double_columns(plane[rows], format), 1, -middle) for plane in differences)
        rgb[rows, :, 0] = _on_grid(luma + _linear(v, red_by_v), format)
        rgb[rows, :, 2] = _on_grid(luma + _linear(u, blue_by_u), format)
        luma += _linear(v, green_by_v)
        luma += _linear(u, green_by_u)
        rgb[rows, :, 1] = _on_grid(luma, format)
    return rgb


def yuv_from_rgb(rgb: UInt[np.ndarray, "h w 3"], format: VideoFormat) -> Planes:
    black, luma_span, middle, chroma_span = _levels(format)
    of_red, of_blue = _SHARES[format.matrix]
    luma_scale, chroma_scale = luma_span / format.peak, chroma_span / format.peak / 2

    luma_plane = np.empty((format.height, format.width), _sample_type(format))
    _, *chroma_shapes = format.plane_shapes
    differences = [np.empty((format.height, columns), np.float32) for _, columns in chroma_shapes]
    for rows in _strips(format):
        red, green, blue = (rgb[rows, :, i].astype(np.float32) for i in range(3))
        luma = _linear(green, 1 - of_red - of_blue)
        luma += _linear(red, of_red)
        luma += _linear(blue, of_blue)
        if differences:
            blue -= luma
            red -= luma
            for plane, difference, share in zip(
                differences, (blue, red), (of_blue, of_red), strict=True
            ):
                plane[rows] = halve_columns(_linear(difference, chroma_scale / (1 - share)), format)
        luma_plane[rows] = _on_grid(_linear(luma, luma_scale, black), format)
    return luma_plane, *(
        _on_grid(halve_rows(plane, format) + np.float32(middle), format) for plane in differences
    )


def _levels(format: VideoFormat) -> tuple[int, int, int, int]:
    """Luma's black and span, chroma's middle and span, in samples."""
    unit = 2 ** (format.bit_depth - 8)
    if format.full_range:
        return 0, format.peak, 128 * unit, format.peak
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def _strips(format: VideoFormat) -> Iterator[slice]:
    rows = max(_STRIP // format.width, 1)
    return (slice(start, start + rows) for start in range(0, format.height, rows))


def _linear(samples: np.ndarray, scale: float, offset: float = 0) -> np.ndarray:
    out = samples * np.float32(scale)
    if offset:
        out += np.float32(offset)
    return out


def _on_grid(samples: np.ndarray, format: VideoFormat) -> np.ndarray:
    """Rounded and within range. Overwrites its argument."""
    samples += np.float32(0.5)
    np.clip(samples, 0, format.peak, out=samples)
    return samples.astype(_sample_type(format))


def _sample_type(format: VideoFormat) -> type[np.unsignedinteger]:
    return np.uint8 if format.bit_depth == 8 else np.uint16
