"""A group of pictures: frames to one range-coded payload, and back.

The payload holds the closing I-frame, then the B-frames depth by depth; within a batch first z, then
y, so that the decoder always has what it needs to choose the next tables.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.tables import symbol_bits
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.models.rate_control import MAX_QUALITY
from kbvc_jax.pipeline.network import FrameRates, Network, Size, Symbols
from kbvc_jax.pipeline.schedule import BFrame, hierarchy

# Frames of a batch share one pass through the network; memory bounds their number.
BATCH_PIXELS = 2**21


@dataclasses.dataclass(frozen=True)
class FrameStatistics:
    """What a frame cost, as the tables price it."""

    index: int
    kind: str  # "I" or "B"
    level: int
    bits_y: float
    bits_z: float


@dataclasses.dataclass(frozen=True)
class CodedBatch:
    """Frames that went through the network together."""

    times: tuple[int, ...]  # relative to the group's opening I-frame
    levels: tuple[int, ...]
    symbols: Symbols
    frames: UInt[Array, "b h w 3"]

    def statistics(self, network: Network, start: int) -> list[FrameStatistics]:
        intra = self.levels[0] == 0
        entropy = network.inference.image if intra else network.inference.frame
        y_tables, out = network.inference.y_tables, []
        for row, (time, level) in enumerate(zip(self.times, self.levels, strict=True)):
            y, z = np.asarray(self.symbols.y[row]), np.asarray(self.symbols.z[row])
            bits_y = symbol_bits(y.ravel(), np.asarray(self.symbols.indexes[row]).ravel(), y_tables)
            bits_z = symbol_bits(z.ravel(), channel_indexes(z), entropy.z_tables)
            kind = "I" if intra else "B"
            out.append(FrameStatistics(start + time, kind, level, float(bits_y), float(bits_z)))
        return out


def channel_indexes(z: np.ndarray) -> np.ndarray:
    """Each channel of z has a table of its own."""
    return np.broadcast_to(np.arange(z.shape[-1], dtype=np.uint8), z.shape).ravel()


def batches(frames: Sequence[BFrame], size: Size) -> list[list[BFrame]]:
    """Splits a depth into batches of a power of two: few shapes to compile, bounded memory."""
    limit = max(1, BATCH_PIXELS // (size.height * size.width))
    out, rest = [], list(frames)
    while rest:
        count = min(limit, len(rest))
        count = 1 << (count.bit_length() - 1)
        out.append(rest[:count])
        rest = rest[count:]
    return out


def frame_rates(quality: int, level_offsets: Sequence[int], depth: int, levels: Sequence[int]):
    """Depth 0 is the I-frame; each depth of B-frames may shift the quality by half steps."""
    shift = level_offsets[depth - 1] * QUALITY_STEPS // 2 if depth else 0
    clipped = min(max(quality + shift, 0), MAX_QUALITY * QUALITY_STEPS)
    return FrameRates(np.full(len(levels), clipped, np.int32), np.array(levels, np.int32))


def code_image(
    network: Network, frame: UInt[Array, "h w 3"], time: int, quality: int
) -> CodedBatch:
    rates = frame_rates(quality, (), 0, (0,))
    frames = jnp.asarray(frame)[None]
    symbols, prior = network.analyse(frames, None, rates)
    decoded = network.synthesise(symbols.y, prior, None, rates, Size(*frame.shape[:2]))
    return CodedBatch((time,), (0,), symbols, decoded)


def code_b_frames(
    network: Network,
    opening: UInt[Array, "h w 3"],
    closing: UInt[Array, "h w 3"],
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    quality: int,
    level_offsets: Sequence[int],
) -> list[CodedBatch]:
    """All frames strictly between two decoded I-frames."""
    size = Size(*opening.shape[:2])
    decoded = {0: opening, len(frames) + 1: closing}
    out = []
    for depth, level_frames in enumerate(hierarchy(len(frames) + 1), start=1):
        for batch in batches(level_frames, size):
            rates = frame_rates(quality, level_offsets, depth, [f.level for f in batch])
            references = _references(network, decoded, batch)
            sources = jnp.stack([jnp.asarray(frames[f.time - 1]) for f in batch])
            symbols, prior = network.analyse(sources, references, rates)
            rebuilt = network.synthesise(symbols.y, prior, references, rates, size)
            decoded |= {f.time: rebuilt[row] for row, f in enumerate(batch)}
            times, levels = tuple(f.time for f in batch), tuple(f.level for f in batch)
            out.append(CodedBatch(times, levels, symbols, rebuilt))
    return out


def _references(network: Network, decoded: dict[int, Array], batch: Sequence[BFrame]) -> Array:
    return network.references(
        jnp.stack([decoded[f.previous] for f in batch]),
        jnp.stack([decoded[f.following] for f in batch]),
    )


def write_payload(network: Network, group: Sequence[CodedBatch]) -> bytes:
    encoder = SymbolEncoder()
    for batch in group:
        entropy = network.inference.image if batch.levels[0] == 0 else network.inference.frame
        z, y, indexes = (np.asarray(part) for part in jax.device_get(batch.symbols))
        encoder.encode(z.ravel(), channel_indexes(z), entropy.z_tables)
        encoder.encode(y.ravel(), indexes.ravel(), network.inference.y_tables)
    return encoder.finish()


class GopReader:
    """Decodes one payload, batch by batch, in the order in which it was written."""

    def __init__(
        self,
        network: Network,
        payload: bytes,
        size: Size,
        quality: int,
        level_offsets: Sequence[int],
    ):
        self._network, self._size = network, size
        self._quality, self._level_offsets = quality, level_offsets
        self._decoder = SymbolDecoder(payload)

    def image(self) -> UInt[Array, "h w 3"]:
        return self._batch(None, 0, (0,))[0]

    def b_frames(
        self, opening: UInt[Array, "h w 3"], closing: UInt[Array, "h w 3"], length: int
    ) -> dict[int, UInt[Array, "h w 3"]]:
        """The frames between two I-frames `length` apart, by time."""
        decoded = {0: opening, length: closing}
        for depth, level_frames in enumerate(hierarchy(length), start=1):
            for batch in batches(level_frames, self._size):
                references = _references(self._network, decoded, batch)
                rebuilt = self._batch(references, depth, [f.level for f in batch])
                decoded |= {f.time: rebuilt[row] for row, f in enumerate(batch)}
        return {time: decoded[time] for time in range(1, length)}

    def _batch(self, references: Array | None, depth: int, levels: Sequence[int]) -> Array:
        network, size = self._network, self._size
        entropy, m = network.entropy(references), network.latent_channels
        rates = frame_rates(self._quality, self._level_offsets, depth, levels)
        z = np.empty((len(levels), *size.hyper_latent, m), np.int32)
        z[...] = self._decoder.decode(channel_indexes(z), entropy.z_tables).reshape(z.shape)
        prior = network.prior(jnp.asarray(z), references, rates, size)
        indexes = np.asarray(prior.indexes)
        y = self._decoder.decode(indexes.ravel(), network.inference.y_tables)
        y = jnp.asarray(y.reshape(indexes.shape))
        return network.synthesise(y, prior, references, rates, size)
