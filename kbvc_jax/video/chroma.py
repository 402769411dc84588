"""Chroma planes to luma's size and back: bicubic (Keys, a = -1/2), wherever its samples sit."""

import numpy as np
from jaxtyping import Float

from kbvc_jax.video.format import VideoFormat

# A chroma sample sits on the first of its two luma samples, or between both.
_COSITED, _BETWEEN = "cosited", "between"


def upsample(plane: Float[np.ndarray, "ch cw"], format: VideoFormat) -> Float[np.ndarray, "h w"]:
    if format.chroma == "420":
        plane = _double(plane, _vertical(format), format.height)
    if format.chroma in ("420", "422"):
        plane = _double(plane.T, _horizontal(format), format.width).T
    return plane


def downsample(plane: Float[np.ndarray, "h w"], format: VideoFormat) -> Float[np.ndarray, "ch cw"]:
    if format.chroma == "420":
        plane = _halve(plane, _vertical(format))
    if format.chroma in ("420", "422"):
        plane = _halve(plane.T, _horizontal(format)).T
    return plane


def _vertical(format: VideoFormat) -> str:
    return _COSITED if format.siting == "topleft" else _BETWEEN


def _horizontal(format: VideoFormat) -> str:
    # 4:2:2 is co-sited in every standard.
    centred = format.siting == "centre" and format.chroma == "420"
    return _BETWEEN if centred else _COSITED


def _keys(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def _double(plane: np.ndarray, siting: str, size: int) -> np.ndarray:
    """Along the first axis."""
    padded = np.pad(plane, ((2, 2), (0, 0)), mode="edge")
    offsets = (0.0, 0.5) if siting == _COSITED else (-0.25, 0.25)
    out = np.empty((2 * len(plane), plane.shape[1]), np.float32)
    for phase, offset in enumerate(offsets):
        weights = _keys(np.arange(-2, 3) - offset).astype(np.float32)
        out[phase::2] = _weighted(padded, weights, len(plane), 1)
    return out[:size]


def _halve(plane: np.ndarray, siting: str) -> np.ndarray:
    """The same filter, twice as wide: what would alias is gone."""
    rows = -(-len(plane) // 2)
    centre = 0.0 if siting == _COSITED else 0.5
    weights = _keys((np.arange(-3, 5) - centre) / 2)
    weights = (weights / weights.sum()).astype(np.float32)
    padded = np.pad(plane, ((3, 5), (0, 0)), mode="edge")
    return _weighted(padded, weights, rows, 2)


def _weighted(padded: np.ndarray, weights: np.ndarray, rows: int, step: int) -> np.ndarray:
    total = np.zeros((rows, padded.shape[1]), np.float32)
    for tap, weight in enumerate(weights):
        if weight:
            total += weight * padded[tap : tap + step * (rows - 1) + 1 : step]
    return total
