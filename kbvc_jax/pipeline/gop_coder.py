"""A group of pictures: frames to one range-coded payload, and back.

The payload holds the closing I-frame, then the B-frames depth by depth; of each depth first all z,
then all y, so that the decoder always has what it needs to choose the next tables.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.models.rate_control import MAX_QUALITY
from kbvc_jax.pipeline.network import FrameRates, Network, Prior, Size, Symbols
from kbvc_jax.pipeline.refinement import code_frames
from kbvc_jax.pipeline.schedule import BFrame, hierarchy

# Frames of a depth share one pass through the network, up to this many pixels of them.
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
class CodedDepth:
    """The I-frame, or all B-frames of a depth."""

    times: tuple[int, ...]  # relative to the group's opening I-frame
    rates: FrameRates
    symbols: Symbols
    frames: list[UInt[Array, "h w 3"]]

    @property
    def size(self) -> Size:
        return Size(*self.frames[0].shape[:2])

    def statistics(self, network: Network, start: int) -> list[FrameStatistics]:
        kind = "I" if self.rates.kind == "image" else "B"
        rows = zip(
            self.times,
            self.rates.level,
            *network.bits(self.symbols, self.rates, self.size),
            strict=True,
        )
        return [
            FrameStatistics(start + time, kind, int(level), float(bits_y), float(bits_z))
            for time, level, bits_y, bits_z in rows
        ]


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


def shifted(quality: int, half_steps: int) -> int:
    return min(max(quality + half_steps * QUALITY_STEPS // 2, 0), MAX_QUALITY * QUALITY_STEPS)


def frame_rates(quality: int, level_offsets: Sequence[int], depth: int, levels: Sequence[int]):
    """Depth 0 is the I-frame; each depth of B-frames may shift the quality."""
    own = shifted(quality, level_offsets[depth - 1]) if depth else quality
    return FrameRates(np.full(len(levels), own, np.int32), np.array(levels, np.int32))


def code_image(
    network: Network, frame: UInt[np.ndarray, "h w 3"], time: int, quality: int, effort: int = 0
) -> CodedDepth:
    rates = frame_rates(quality, (), 0, (0,))
    source = jnp.asarray(frame)[None]
    symbols, decoded = code_frames(network, source, None, rates, quality, effort)
    return CodedDepth((time,), rates, symbols, [decoded[0]])


def code_b_frames(
    network: Network,
    opening: UInt[Array, "h w 3"],
    closing: UInt[Array, "h w 3"],
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    quality: int,
    level_offsets: Sequence[int],
    effort: int = 0,
) -> list[CodedDepth]:
    """All frames strictly between two decoded I-frames."""
    size = Size(*opening.shape[:2])
    decoded = {0: opening, len(frames) + 1: closing}
    out = []
    for depth, b_frames in enumerate(hierarchy(len(frames) + 1), start=1):
        symbols = []
        for batch in batches(b_frames, size):
            rates = frame_rates(quality, level_offsets, depth, [f.level for f in batch])
            references = _references(network, decoded, batch)
            sources = jnp.stack([jnp.asarray(frames[f.time - 1]) for f in batch])
            found, rebuilt = code_frames(network, sources, references, rates, quality, effort)
            decoded |= {f.time: rebuilt[row] for row, f in enumerate(batch)}
            symbols.append(found)
        times = tuple(f.time for f in b_frames)
        rates = frame_rates(quality, level_offsets, depth, [f.level for f in b_frames])
        joined = Symbols(*(jnp.concatenate(part) for part in zip(*symbols, strict=True)))
        out.append(CodedDepth(times, rates, joined, [decoded[time] for time in times]))
    return out


def _references(network: Network, decoded: dict[int, Array], batch: Sequence[BFrame]) -> Array:
    return network.references(
        jnp.stack([decoded[f.previous] for f in batch]),
        jnp.stack([decoded[f.following] for f in batch]),
    )


def write_payload(network: Network, group: Sequence[CodedDepth]) -> bytes:
    encoder = SymbolEncoder()
    for depth in group:
        z, y, indexes = (np.asarray(part) for part in jax.device_get(depth.symbols))
        z_tables = network.entropy(depth.rates.kind).z_tables
        encoder.encode(z.ravel(), network.z_indexes(depth.rates, depth.size).ravel(), z_tables)
        encoder.encode(y.ravel(), indexes.ravel(), network.inference.y_tables)
    return encoder.finish()


class GopReader:
    """Decodes one payload in the order in which it was written."""

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
        rates = frame_rates(self._quality, (), 0, (0,))
        z = self._z(rates)
        prior = self._network.prior(z, rates, self._size)
        (y,) = self._y([prior])
        return self._network.synthesise(y, prior, None, rates, self._size)[0]

    def b_frames(
        self, opening: UInt[Array, "h w 3"], closing: UInt[Array, "h w 3"], length: int
    ) -> dict[int, UInt[Array, "h w 3"]]:
        """The frames between two I-frames `length` apart, by time."""
        network, size, decoded = self._network, self._size, {0: opening, length: closing}
        for depth, b_frames in enumerate(hierarchy(length), start=1):
            levels = [f.level for f in b_frames]
            z = self._z(frame_rates(self._quality, self._level_offsets, depth, levels))
            parts, start = [], 0
            for batch in batches(b_frames, size):
                levels = [f.level for f in batch]
                rates = frame_rates(self._quality, self._level_offsets, depth, levels)
                part = z[start : start + len(batch)]
                parts.append((batch, rates, network.prior(part, rates, size)))
                start += len(batch)
            for (batch, rates, prior), y in zip(
                parts, self._y([prior for _, _, prior in parts]), strict=True
            ):
                references = _references(network, decoded, batch)
                rebuilt = network.synthesise(y, prior, references, rates, size)
                decoded |= {f.time: rebuilt[row] for row, f in enumerate(batch)}
        return {time: decoded[time] for time in range(1, length)}

    def _z(self, rates: FrameRates) -> Array:
        indexes = self._network.z_indexes(rates, self._size)
        z = self._decoder.decode(indexes.ravel(), self._network.entropy(rates.kind).z_tables)
        return jnp.asarray(z.reshape(indexes.shape))

    def _y(self, priors: Sequence[Prior]) -> list[Array]:
        """Of all batches of a depth."""
        indexes = np.concatenate([np.asarray(prior.indexes) for prior in priors])
        y = self._decoder.decode(indexes.ravel(), self._network.inference.y_tables)
        ends = np.cumsum([len(prior.indexes) for prior in priors])[:-1]
        return [jnp.asarray(part) for part in np.split(y.reshape(indexes.shape), ends)]
