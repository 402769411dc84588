"""A batch of frames on its way through the network: rates, pictures, references."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt

from kbvc_jax.codec.schedule import BFrame
from kbvc_jax.models.codecs.contract import FrameCodec, Size
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.rate import Quality, number_of, shifted

# Frames of a depth share one pass through the network, up to this many pixels of them. A processor
# gains nothing from that, and would compile each number of frames anew.
BATCH_PIXELS = {"cpu": 1, "gpu": 2**21, "tpu": 2**21}
INTRA = 0  # the level of a frame that closes a group


def closing_distances(length: int) -> tuple[tuple[int, int]]:
    """Of a frame that closes a group: its one reference, if any, serves as both."""
    return ((length, length),)


class FrameRates(NamedTuple):
    """The rate of a batch, on the host. Frames of a batch are of one depth."""

    quality: Quality
    levels: tuple[int, ...]
    distances: tuple[tuple[int, int], ...]  # of each, in frames, to both references

    def on_device(self, told_apart: range) -> Rate:
        """For a codec that tells these levels apart."""
        nearest = np.clip(self.levels, told_apart.start, told_apart.stop - 1)
        quality = np.full(len(nearest), number_of(self.quality), np.float32)
        # Of their types already: what JAX would convert it would compile programs for.
        whole = [np.asarray(own, np.int32) for own in (nearest, self.distances)]
        return Rate(*map(jnp.asarray, (quality, *whole)))


class Picture(NamedTuple):
    """A decoded frame, and what its codec lets others know of it: a batch of one, or None."""

    frame: UInt[Array, "h w 3"]
    memory: Any

    @property
    def size(self) -> Size:
        return Size(*self.frame.shape[:2])


class References(NamedTuple):
    """Of a batch, on one side: frames and, for codecs that need it, what is known of them."""

    frames: UInt[Array, "b h w 3"]
    memory: Any

    @classmethod
    def of(
        cls, pictures: Sequence[Picture], codec: type[FrameCodec], config: ModelConfig
    ) -> "References":
        frames = jnp.stack([jnp.asarray(picture.frame) for picture in pictures])
        if not codec.needs_memory:
            return cls(frames, None)
        known = [codec.recalled(own.memory, config, own.size) for own in pictures]
        return cls(frames, jax.tree.map(lambda *parts: jnp.concatenate(parts), *known))


def batches(frames: Sequence[BFrame], size: Size) -> Iterator[Sequence[BFrame]]:
    """Splits a depth into batches of a power of two: few shapes to compile, bounded memory."""
    pixels = BATCH_PIXELS.get(jax.default_backend(), BATCH_PIXELS["gpu"])
    limit, first = max(1, pixels // (size.height * size.width)), 0
    while first < len(frames):
        count = min(limit, len(frames) - first)
        yield frames[first : (first := first + (1 << (count.bit_length() - 1)))]


def quality_at(depth: int, quality: Quality, level_offsets: Sequence[int]) -> Quality:
    """Depth 0 closes the group; each depth of B-frames may shift its quality."""
    return shifted(quality, level_offsets[depth - 1]) if depth else quality
