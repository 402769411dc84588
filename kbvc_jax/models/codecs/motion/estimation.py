"""Where a frame's content lies in its references: for encoders alone, a decoder reads it.

By OpenCV's DIS (extra `encoder`); without OpenCV by the project's own matching, which is coarser.
"""

import functools
import logging

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from kbvc_jax.ops.alignment import align

CELL = 8  # pixels that share a motion, each way


def estimate(
    frame: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"]
) -> Float[Array, "b mh mw 2"]:
    """The motion (x, y) in pixels of each cell of the frame; sizes are multiples of 16."""
    if _opencv() is None:
        return cells(align(frame, reference))
    batch, height, width, _ = frame.shape
    shape = jax.ShapeDtypeStruct((batch, height // CELL, width // CELL, 2), jnp.float32)
    frame, reference = jax.lax.stop_gradient((frame, reference))
    return jax.pure_callback(_dis, shape, frame, reference, vmap_method="sequential")


def cells(flow: Float[Array, "b h w c"]) -> Float[Array, "b mh mw c"]:
    """Means of cells."""
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


def _dis(frames, references) -> np.ndarray:
    found = [_flow(_grey(a), _grey(b)) for a, b in zip(frames, references, strict=True)]
    flow = np.stack(found)
    batch, height, width, _ = flow.shape
    shape = batch, height // CELL, CELL, width // CELL, CELL, 2
    return flow.reshape(shape).mean((2, 4)).astype(np.float32)


def _grey(frame) -> np.ndarray:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return np.clip(np.rint(255 * (np.asarray(frame) @ weights)), 0, 255).astype(np.uint8)


def _flow(frame: np.ndarray, reference: np.ndarray) -> np.ndarray:
    cv2 = _opencv()
    assert cv2 is not None
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(frame, reference, np.zeros((*frame.shape, 2), np.float32))
