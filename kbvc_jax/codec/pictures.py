"""Decoded pictures, and what further frames are coded from: references, or latents that are known.

Encoder and decoder ask here, so that both see the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from kbvc_jax.codec.batch import FrameRates, Known, Predictors, Prior, Size
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.schedule import BFrame
from kbvc_jax.models.image_codec import ImageCodec
from kbvc_jax.rate import Quality, shifted

# Frames of a depth share one pass through the network, up to this many pixels of them. A processor
# gains nothing from that, and would compile each number of frames anew.
BATCH_PIXELS = {"cpu": 1, "gpu": 2**21, "tpu": 2**21}
INTRA = ImageCodec.LEVELS.start  # the level of whatever the image codec codes


class Picture(NamedTuple):
    """A decoded frame; of one that the image codec made, what predicts the latents of others."""

    frame: UInt[Array, "h w 3"]
    known: Known | None

    @property
    def size(self) -> Size:
        return Size(*self.frame.shape[:2])


def batches(frames: Sequence[BFrame], size: Size) -> Iterator[Sequence[BFrame]]:
    """Splits a depth into batches of a power of two: few shapes to compile, bounded memory."""
    pixels = BATCH_PIXELS.get(jax.default_backend(), BATCH_PIXELS["gpu"])
    limit, first = max(1, pixels // (size.height * size.width)), 0
    while first < len(frames):
        count = min(limit, len(frames) - first)
        yield frames[first : (first := first + (1 << (count.bit_length() - 1)))]


def frame_rates(
    quality: Quality, level_offsets: Sequence[int], depth: int, levels: Sequence[int]
) -> FrameRates:
    """Depth 0 is the I-frame; each depth of B-frames may shift the quality."""
    own = shifted(quality, level_offsets[depth - 1]) if depth else quality
    return FrameRates(np.full(len(levels), own, np.int32), np.array(levels, np.int32))


def references(
    network: Network, decoded: Mapping[int, Picture], batch: Sequence[BFrame]
) -> Float[Array, "b r ph pw 3"]:
    return network.references(
        jnp.stack([decoded[f.previous].frame for f in batch]),
        jnp.stack([decoded[f.following].frame for f in batch]),
    )


def predictors_around(
    network: Network,
    decoded: Mapping[int, Picture],
    batch: Sequence[BFrame],
    seen: Float[Array, "b r ph pw 3"],
    rates: FrameRates,
) -> Predictors:
    """What predicts the latents of B-frames (prediction.py): `seen`, their references, and the
    nearest frames before and after them, of all depths above, that have latents."""
    around = [[_before(decoded, f.time) for f in batch], [_after(decoded, f.time) for f in batch]]
    before, after = (jnp.stack([jnp.asarray(p.frame) for p in side]) for side in around)
    known = [_batch([known_of(p) for p in side]) for side in around]
    return network.predictors_between(seen, (before, after), (known[0], known[1]), rates)


def predictors_of(opening: Picture) -> Predictors:
    """What predicts a P-frame."""
    known = known_of(opening)
    frame = jnp.asarray(opening.frame)
    return Predictors(known.latents[None], known.z, frame[None, None])


def z_before(decoded: Mapping[int, Picture], batch: Sequence[BFrame]) -> Int[Array, "b zh zw c"]:
    """What is kept of the frames before."""
    return _batch([known_of(_before(decoded, f.time)) for f in batch]).z


def _before(decoded: Mapping[int, Picture], time: int) -> Picture:
    return decoded[max(t for t, picture in decoded.items() if t < time and picture.known)]


def _after(decoded: Mapping[int, Picture], time: int) -> Picture:
    return decoded[min(t for t, picture in decoded.items() if t > time and picture.known)]


def _batch(known: Sequence[Known]) -> Known:
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *known)


def pictures(
    network: Network,
    frames: UInt[Array, "b h w 3"],
    z: Array,
    y: Array,
    prior: Prior,
    rates: FrameRates,
) -> list[Picture]:
    if rates.kind == "frame":
        return [Picture(frame, None) for frame in frames]
    known = network.known(z, y, prior, rates)
    return [
        Picture(frame, jax.tree.map(lambda part, row=row: part[row : row + 1], known))
        for row, frame in enumerate(frames)
    ]


def known_of(picture: Picture) -> Known:
    assert picture.known is not None  # the image codec codes whatever closes a group
    return picture.known
