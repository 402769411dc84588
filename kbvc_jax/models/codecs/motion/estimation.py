"""Where a frame's content lies in its references: for encoders alone, a decoder reads it.

By OpenCV's DIS (extra `encoder`); without OpenCV by the project's own matching, which is coarser.
"""

import functools
import itertools
import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.padding import BLOCK, pad_to_multiple
from kbvc_jax.ops.alignment import align

CELL = 8  # pixels that share a motion, each way
NEAR = 2  # frames: what has moved no longer than these is found at once
SMALL = 24  # pixels, the longer side: DIS takes no picture of less than half

Frame = UInt[np.ndarray, "h w 3"]
Grey = UInt[np.ndarray, "h w"]
Flow = Float[np.ndarray, "h w 2"]
OfCells = Float[np.ndarray, "mh mw 2"]


class Source:
    """A source frame. Motion from it to others is found once: an encoder may ask many times."""

    def __init__(self, frame: Frame):
        self.frame = frame
        self._motion = WeakKeyDictionary[Source, OfCells]()
        self._halves = WeakKeyDictionary[Source, Flow]()

    @property
    def padded(self) -> Frame:
        return np.asarray(pad_to_multiple(self.frame[None], BLOCK))[0]

    @functools.cached_property
    def grey(self) -> Grey:
        return grey(self.padded)

    def motion(self, way: "Way") -> OfCells:
        """To the end of a way that begins here, in pixels (x, y)."""
        if way[-1] not in self._motion:
            self._motion[way[-1]] = _motion(way)
        return self._motion[way[-1]]

    def half_flow(self, other: "Source") -> Flow:
        """To the frame beside it, of half the size."""
        if other not in self._halves:
            flow = _dis(*(_halved(x.grey) for x in (self, other)))
            self._halves[other] = flow.astype(np.float16)
        return self._halves[other]


Way = Sequence[Source]  # a frame and those from it to its reference, that one too
Ways = Sequence[Sequence[Way]]  # to each reference, of each frame of a batch


def straight(frame: Frame, references: Sequence[Frame]) -> Ways:
    """With no frame between."""
    return [[[Source(frame), Source(reference)]] for reference in references]


def observe(ways: Ways) -> Float[np.ndarray, "b 2 mh mw 2"]:
    """The motion to both references; one serves as both."""
    found = np.stack([[way[0].motion(way) for way in side] for side in ways], 1)
    return np.repeat(found, 2 // len(ways), 1)


def _motion(way: Way) -> OfCells:
    """At once or, where that is nearer, frame by frame and then made exact: what has moved far is
    not found at once."""
    if _opencv() is None:
        return np.asarray(_aligned(*(source.padded[None] for source in (way[0], way[-1]))))[0]
    first, last = way[0].grey, way[-1].grey
    direct = _dis(first, last)
    if len(way) - 1 <= NEAR or max(first.shape) < SMALL:
        return cells(direct[None])[0]
    followed = _dis(first, last, _followed(way))
    off, less = (_missed(first, last, own) for own in (direct, followed))
    both = cells(direct[None])[0], cells(followed[None])[0]
    return np.where((less < off)[..., None], both[1], both[0])


def _followed(way: Way) -> Flow:
    """Frame by frame, at half the size."""
    height, width = way[0].grey.shape
    flow = np.zeros((height // 2, width // 2, 2), np.float32)
    for one, other in itertools.pairwise(way):
        flow = flow + _moved(one.half_flow(other).astype(np.float32), flow)
    return _opencv().resize(2 * flow, (width, height), interpolation=_opencv().INTER_LINEAR)


def _halved(frame: Grey) -> UInt[np.ndarray, "hh hw"]:
    height, width = frame.shape
    return _opencv().resize(frame, (width // 2, height // 2), interpolation=_opencv().INTER_AREA)


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
    frames: UInt[Array, "b h w 3"], references: UInt[Array, "b h w 3"]
) -> Float[Array, "b mh mw 2"]:
    peak = 255 if frames.dtype == jnp.uint8 else 1023
    return cells(align(frames / peak, references / peak))


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
