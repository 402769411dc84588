"""What a codec has to show of a frame, by how it is meant; inspection/ draws it.

A position may stand for a cell of pixels: arrays need cover the frame, and may go beyond it. They
are of a batch as codecs have them, of one frame where they are drawn.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Integer


class Image(NamedTuple):
    samples: Float[Array | np.ndarray, "*b h w 3"]


class Difference(NamedTuple):
    """Of two images: 0 is grey."""

    samples: Float[Array | np.ndarray, "*b h w 3"]


class Flow(NamedTuple):
    """Where each position's content lies: (x, y) in pixels, to the right and down."""

    vectors: Float[Array | np.ndarray, "*b h w 2"]


class Share(NamedTuple):
    """From 0 to 1; what is beyond is drawn as these are."""

    values: Float[Array | np.ndarray, "*b h w"]


class Bits(NamedTuple):
    values: Float[Array | np.ndarray, "*b h w"]


@jax.tree_util.register_static
class Names(tuple[str, ...]):
    """No array, and the same for every frame of a batch."""


class Choice(NamedTuple):
    chosen: Integer[Array | np.ndarray, "*b h w"]
    names: Names  # of what is chosen from


class Kernels(NamedTuple):
    """Of a few pixels of the frame, that lie in rows and columns."""

    taps: Float[Array | np.ndarray, "*b rows columns k k"]


Panel = Image | Difference | Flow | Share | Bits | Choice | Kernels
