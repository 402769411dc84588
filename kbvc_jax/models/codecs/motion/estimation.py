"""Where a frame's content lies in its references: for encoders alone, a decoder reads it.

By OpenCV's DIS (extra `encoder`); without OpenCV by the project's own matching, which is coarser.
"""

import functools
import itertools
import logging
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.codecs.contract import Ways
from kbvc_jax.ops.alignment import align

CELL = 8  # pixels that share a motion, each way


Frame = UInt[np.ndarray, "h w 3"]
Grey = UInt[np.ndarray, "h w"]
Flow = Float[np.ndarray, "h w 2"]


def observe(
    frames: UInt[np.ndarray, "b h w 3"],
    references: Sequence[UInt[np.ndarray, "b h w 3"]],
    ways: Ways = (),
) -> Float[np.ndarray, "b 2 mh mw 2"]:
    """The motion (x, y) in pixels of each cell of frames to both references; one serves as both.
    `ways`: to each reference, of each frame, the frames between, the nearest first. Sizes are
    multiples of 16."""
    ways = ways or [[()] * len(frames)] * len(references)
    found = np.stack([towards(frames, *side) for side in zip(references, ways, strict=True)], 1)
    return np.repeat(found, 2 // len(references), 1)


def towards(
    frames: UInt[np.ndarray, "b h w 3"],
    reference: UInt[np.ndarray, "b h w 3"],
    ways: Sequence[Sequence[Frame]],
) -> Float[np.ndarray, "b mh mw 2"]:
    """The motion to one reference."""
    if _opencv() is None:
        peak = np.float32(np.iinfo(frames.dtype).max if frames.dtype == np.uint8 else 1023)
        return np.asarray(_aligned(frames / peak, reference / peak))
    rows = zip(frames, ways, reference, strict=True)
    return np.stack([_followed([grey(x) for x in (a, *way, b)]) for a, way, b in rows])


def _followed(way: Sequence[Grey]) -> Float[np.ndarray, "mh mw 2"]:
    """From the first to the last: at once or, where that is nearer, frame by frame and then made
    exact. What has moved far is not found at once."""
    first, last = way[0], way[-1]
    direct = _dis(first, last)
    if len(way) == 2:
        return cells(direct[None])[0]
    flow = np.zeros_like(direct)
    for a, b in itertools.pairwise(way):
        flow = flow + _moved(_dis(a, b), flow)
    followed = _dis(first, last, flow)
    off, less = (_missed(first, last, own) for own in (direct, followed))
    both = cells(direct[None])[0], cells(followed[None])[0]
    return np.where((less < off)[..., None], both[1], both[0])


def _missed(frame: Grey, reference: Grey, flow: Flow) -> Float[np.ndarray, "mh mw"]:
    """How far the moved reference is from the frame, around each cell."""
    error = np.abs(_moved(reference.astype(np.float32), flow) - frame)
    around = _opencv().blur(error, (3 * CELL, 3 * CELL))
    return cells(around[None, ..., None])[0, ..., 0]


def _moved(x: Float[np.ndarray, "h w *c"], flow: Flow) -> Float[np.ndarray, "h w *c"]:
    height, width, _ = flow.shape
    place = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    cv2 = _opencv()
    at = (place + flow).astype(np.float32)
    return cv2.remap(x, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


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
def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        logging.getLogger(__name__).warning(
            "no OpenCV: motion is found by the project's own matching, which costs rate; "
            "pip install 'kbvc-jax[encoder]'"
        )
        return None
    return cv2


def grey(frame: Frame) -> Grey:
    """In eight bits."""
    eight = frame if frame.dtype == np.uint8 else frame >> 2
    return np.rint(eight @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)


def _dis(frame: Grey, reference: Grey, start: Flow | None = None) -> Flow:
    cv2 = _opencv()
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    begun = np.zeros((*frame.shape, 2), np.float32) if start is None else start.copy()
    return search.calc(frame, reference, begun)
