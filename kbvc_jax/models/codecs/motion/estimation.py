"""Where a frame's content lies in its references: for encoders alone, a decoder reads it.

By OpenCV's DIS (extra `encoder`); without OpenCV by the project's own matching, which is coarser.
"""

import functools
import logging
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.ops.alignment import align

CELL = 8  # pixels that share a motion, each way


def observe(
    frames: UInt[np.ndarray, "b h w 3"], references: Sequence[UInt[np.ndarray, "b h w 3"]]
) -> Float[np.ndarray, "b 2 mh mw 2"]:
    """The motion (x, y) in pixels of each cell of frames to both references; one serves as both.
    Sizes are multiples of 16."""
    found = np.stack([_to(frames, side) for side in references], 1)
    return np.repeat(found, 2 // len(references), 1)


def _to(
    frames: UInt[np.ndarray, "b h w 3"], reference: UInt[np.ndarray, "b h w 3"]
) -> Float[np.ndarray, "b mh mw 2"]:
    if _opencv() is None:
        peak = np.float32(np.iinfo(frames.dtype).max if frames.dtype == np.uint8 else 1023)
        return np.asarray(_aligned(frames / peak, reference / peak))
    pairs = zip(frames, reference, strict=True)
    return np.stack([cells(_dis(_grey(a), _grey(b))[None])[0] for a, b in pairs])


@jax.jit
def _aligned(
    frames: Float[Array, "b h w 3"], references: Float[Array, "b h w 3"]
) -> Float[Array, "b mh mw 2"]:
    return cells(align(frames, references))


def cells(flow: Any) -> Any:
    """Means of cells: (b, h, w, c) to (b, h / 8, w / 8, c), of either kind of array."""
    batch, height, width, channels = flow.shape
    shape = batch, height // CELL, CELL, width // CELL, CELL, channels
    return flow.reshape(shape).mean((2, 4))


@functools.cache
def _opencv():
    try:
        import cv2
    except ImportError:
        logging.getLogger(__name__).warning(
            "no OpenCV: motion is found by the project's own matching, which costs rate; "
            "pip install 'kbvc-jax[encoder]'"
        )
        return None
    return cv2


def _grey(frame: UInt[np.ndarray, "h w 3"]) -> UInt[np.ndarray, "h w"]:
    """In eight bits."""
    eight = frame if frame.dtype == np.uint8 else frame >> 2
    return np.rint(eight @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)


def _dis(
    frame: UInt[np.ndarray, "h w"], reference: UInt[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w 2"]:
    cv2 = _opencv()
    assert cv2 is not None
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(frame, reference, np.zeros((*frame.shape, 2), np.float32))
