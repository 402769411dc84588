"""What a validation shows of a group: its frames, and how the one in its middle was made."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.contract import Decoded, FrameCodec, Values
from kbvc_jax.models.codecs.panels import Difference, Image, Panel
from kbvc_jax.models.codecs.walk import learnt
from kbvc_jax.models.hyperprior import Rate

Panels = OrderedDict[str, Panel]  # JAX would sort the keys of a plain dict


class Found(NamedTuple):
    frames: Float[Array | np.ndarray, "t h w 3"]
    compared: Panels  # the frame in the middle and its source
    pictures: Panels  # what its codec has to show


def middle(frames: int) -> int:
    """Of a group: the first of its B-frames in coding order, if it has any."""
    return (frames - 1) // 2


def found(
    frames: Float[Array, "t h w 3"],
    source: Float[Array, "h w 3"],
    result: Float[Array, "h w 3"],
    pictures: Mapping[str, Panel],
) -> Found:
    """`pictures`: of a batch, of which the frame is the first."""
    compared: dict[str, Panel] = {
        "source": Image(source),
        "result": Image(result),
        "result - source": Difference(result - source),
    }
    own = {caption: jax.tree.map(lambda p: p[0], panel) for caption, panel in pictures.items()}
    return Found(frames, OrderedDict(compared), OrderedDict(own))


class Watcher:
    """Notes the pictures of a group's first frames that have references."""

    def __init__(self):
        self.pictures: Mapping[str, Panel] = {}

    def __call__(
        self, codec: FrameCodec, references: Sequence[Decoded], known: Values, rate: Rate
    ) -> None:
        if references and not self.pictures:
            context = learnt(codec, known, codec.context(references, rate), rate)
            self.pictures = codec.pictures(known, context, rate)
