"""Chroma planes to luma's size and back: bicubic (Keys, a = -1/2), wherever its samples sit."""

import numpy as np
from jaxtyping import Float, UInt

from kbvc_jax.video.format import VideoFormat

# A chroma sample sits on the first of its two luma samples, or between both.
_COSITED, _BETWEEN = 0.0, 0.5
_ROWS, _COLUMNS = 0, 1


def double_rows(
    plane: UInt[np.ndarray, "ch cw"] | Float[np.ndarray, "ch cw"], format: VideoFormat
) -> np.ndarray:
    """To the height of luma."""
    if format.chroma != "420":
        return plane
    return _double(plane, _vertical(format), _ROWS)[: format.height]


def double_columns(
    plane: UInt[np.ndarray, "h cw"] | Float[np.ndarray, "h cw"], format: VideoFormat
) -> np.ndarray:
    """To the width of luma."""
    if format.chroma not in ("420", "422"):
        return plane
    return _double(plane, _horizontal(format), _COLUMNS)[:, : format.width]


def halve_columns(plane: Float[np.ndarray, "h w"], format: VideoFormat) -> np.ndarray:
    if format.chroma not in ("420", "422"):
        return plane
    return _halve(plane, _horizontal(format), _COLUMNS)


def halve_rows(plane: Float[np.ndarray, "h cw"], format: VideoFormat) -> np.ndarray:
    return _halve(plane, _vertical(format), _ROWS) if format.chroma == "420" else plane


def _vertical(format: VideoFormat) -> float:
    return _COSITED if format.siting == "topleft" else _BETWEEN


def _horizontal(format: VideoFormat) -> float:
    # 4:2:2 is co-sited in every standard.
    centred = format.siting == "centre" and format.chroma == "420"
    return _BETWEEN if centred else _COSITED


def _keys(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def _double(plane: np.ndarray, siting: float, axis: int) -> np.ndarray:
    size = plane.shape[axis]
    padded = _padded(plane, 2, 2, axis)
    shape = [*plane.shape]
    shape[axis] = 2 * size
    out = np.empty(shape, np.float32)
    for phase in (0, 1):
        # Of this output sample, in chroma samples from the nearest at its left.
        weights = _keys(np.arange(-2, 3) - (phase - siting) / 2)
        out[_along(axis, phase, None, 2)] = _weighted(padded, weights, size, 1, axis)
    return out


def _halve(plane: np.ndarray, siting: float, axis: int) -> np.ndarray:
    """The same filter, twice as wide: what would alias is gone."""
    weights = _keys((np.arange(-3, 5) - siting) / 2)
    padded = _padded(plane, 3, 5, axis)
    return _weighted(padded, weights / weights.sum(), -(-plane.shape[axis] // 2), 2, axis)


def _weighted(
    padded: np.ndarray, weights: np.ndarray, size: int, step: int, axis: int
) -> np.ndarray:
    terms = (
        padded[_along(axis, tap, tap + step * (size - 1) + 1, step)] * np.float32(weight)
        for tap, weight in enumerate(weights)
        if weight
    )
    total = next(terms)
    for term in terms:
        total += term
    return total


def _padded(plane: np.ndarray, before: int, after: int, axis: int) -> np.ndarray:
    widths = [(0, 0), (0, 0)]
    widths[axis] = (before, after)
    return np.pad(plane.astype(np.float32, copy=False), widths, mode="edge")


def _along(axis: int, start: int, stop: int | None, step: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(start, stop, step),)
