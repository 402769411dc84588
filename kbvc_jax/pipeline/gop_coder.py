"""A group of pictures: frames to one range-coded payload, and back.

The payload holds the frame that closes the group, then the B-frames depth by depth; of each depth
first all z, then the modes of prediction if it has any, then all y, so that the decoder always has
what it needs to choose the next tables.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.coding.modes import decode_modes, encode_modes
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.models.image_codec import ImageCodec
from kbvc_jax.models.rate_control import MAX_QUALITY
from kbvc_jax.pipeline.network import FrameRates, Kind, Known, Network, Prior, Size, Symbols
from kbvc_jax.pipeline.prediction import MODES
from kbvc_jax.pipeline.refinement import code_frames, costs
from kbvc_jax.pipeline.schedule import BFrame, hierarchy

# Frames of a depth share one pass through the network, up to this many pixels of them.
BATCH_PIXELS = 2**21
HOPELESS = 1.1  # times the cost of the better way
_INTRA = ImageCodec.LEVELS.start
Way = tuple[Kind, int]  # to code a B-frame, by the distance of its references


@dataclasses.dataclass(frozen=True)
class FrameStatistics:
    """What a frame cost, as the tables price it."""

    index: int
    kind: str  # "I", "P" or "B"
    level: int
    predicted: bool  # in its latent, from those of other frames
    bits_y: float
    bits_z: float  # and modes


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to code a group: qualities in 1/QUALITY_STEPS."""

    quality: int  # of its I-frames
    wanted: int  # whose lambda says what things cost
    effort: int = 0
    paper: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The codecs that B-frames may be coded by."""
        return ("frame",) if self.paper else ("frame", "image")


class Picture(NamedTuple):
    """A decoded frame; of one that the image codec made, what predicts the latents of others."""

    frame: UInt[Array, "h w 3"]
    known: Known | None


@dataclasses.dataclass(frozen=True, eq=False)
class CodedDepth:
    """The frame that closes a group, or all B-frames of a depth."""

    times: tuple[int, ...]  # relative to the group's opening frame
    levels: tuple[int, ...]
    rates: FrameRates
    symbols: Symbols
    pictures: Sequence[Picture]
    cost: float  # bits + lambda x error, at the wanted quality

    @property
    def size(self) -> Size:
        return Size(*self.pictures[0].frame.shape[:2])

    @property
    def predicted(self) -> bool:
        return self.symbols.modes is not None

    def statistics(self, network: Network, start: int) -> list[FrameStatistics]:
        bits = network.bits(self.symbols, self.rates, self.size)
        return [
            FrameStatistics(start + time, self._kind(level), level, self.predicted, *own)
            for time, level, *own in zip(
                self.times, self.levels, *np.array(bits).tolist(), strict=True
            )
        ]

    def _kind(self, level: int) -> str:
        return "B" if level != _INTRA else "P" if self.predicted else "I"


def batches(
    frames: Sequence[BFrame], rates: FrameRates, size: Size
) -> Iterator[tuple[Sequence[BFrame], FrameRates]]:
    """Splits a depth into batches of a power of two: few shapes to compile, bounded memory."""
    limit, first = max(1, BATCH_PIXELS // (size.height * size.width)), 0
    while first < len(frames):
        count = min(limit, len(frames) - first)
        rows = slice(first, first := first + (1 << (count.bit_length() - 1)))
        yield frames[rows], FrameRates(*(part[rows] for part in rates))


def shifted(quality: int, half_steps: int) -> int:
    return min(max(quality + half_steps * QUALITY_STEPS // 2, 0), MAX_QUALITY * QUALITY_STEPS)


def frame_rates(
    quality: int, level_offsets: Sequence[int], depth: int, levels: Sequence[int]
) -> FrameRates:
    """Depth 0 is the I-frame; each depth of B-frames may shift the quality."""
    own = shifted(quality, level_offsets[depth - 1]) if depth else quality
    return FrameRates(np.full(len(levels), own, np.int32), np.array(levels, np.int32))


def _references(
    network: Network, decoded: Mapping[int, Picture], batch: Sequence[BFrame]
) -> Float[Array, "b r ph pw 3"]:
    return network.references(
        jnp.stack([decoded[f.previous].frame for f in batch]),
        jnp.stack([decoded[f.following].frame for f in batch]),
    )


def _known(decoded: Mapping[int, Picture], batch: Sequence[BFrame]) -> Known:
    """What predicts the latents of B-frames (prediction.py), from all depths above theirs."""
    known = {time: picture.known for time, picture in decoded.items() if picture.known is not None}
    found = [_around(known, f.time) for f in batch]
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)


def _around(known: Mapping[int, Known], time: int) -> Known:
    """Of the nearest frame before, of that after, and their mean; z of the one before."""
    before = known[max(t for t in known if t < time)]
    after = known[min(t for t in known if t > time)]
    mean = (before.latents + after.latents) / 2
    return Known(jnp.concatenate([before.latents, after.latents, mean], 1), before.z)


def _pictures(
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


def code_image(
    network: Network,
    frame: UInt[np.ndarray, "h w 3"],
    time: int,
    settings: Settings,
    opening: Picture | None = None,
) -> CodedDepth:
    """An I-frame; or a P-frame, its latent predicted from that of the one before it."""
    rates = frame_rates(settings.quality, (), 0, (_INTRA,))
    known = opening and _known_of(opening)
    source = jnp.asarray(frame)[None]
    return _code(network, (time,), (_INTRA,), source, None, known, rates, settings)


def code_b_frames(
    network: Network,
    opening: Picture,
    closing: Picture,
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    level_offsets: Sequence[int],
    settings: Settings,
    hopeless: set[Way],
) -> list[CodedDepth]:
    """All frames strictly between two decoded ones: each depth by kernels or, where that costs
    less, by latents predicted from those of other frames.

    What costs far more than the other at one distance is `hopeless`, and not tried there again."""
    decoded, out = {0: opening, len(frames) + 1: closing}, []
    for depth, b_frames in enumerate(hierarchy(len(frames) + 1), start=1):
        ways, tried = [(kind, b_frames[0].distance) for kind in settings.kinds], {}
        for way in ways:
            if way not in hopeless:
                levels = [_INTRA if way[0] == "image" else f.level for f in b_frames]
                rates = frame_rates(settings.quality, level_offsets, depth, levels)
                tried[way] = _code_depth(network, decoded, frames, b_frames, rates, settings)
        best = min(tried.values(), key=lambda coded: coded.cost)
        worse = {way for way in tried if tried[way] is not best}
        hopeless |= {way for way in worse if tried[way].cost > HOPELESS * best.cost}
        decoded |= dict(zip(best.times, best.pictures, strict=True))
        out.append(best)
    return out


def _code_depth(
    network: Network,
    decoded: Mapping[int, Picture],
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    b_frames: Sequence[BFrame],
    rates: FrameRates,
    settings: Settings,
) -> CodedDepth:
    parts = []
    for batch, own in batches(b_frames, rates, _size(decoded)):
        times, levels = tuple(f.time for f in batch), tuple(f.level for f in batch)
        sources = jnp.stack([jnp.asarray(frames[time - 1]) for time in times])
        by_kernels = rates.kind == "frame"
        references = _references(network, decoded, batch) if by_kernels else None
        known = None if by_kernels else _known(decoded, batch)
        parts.append(_code(network, times, levels, sources, references, known, own, settings))
    return parts[0] if len(parts) == 1 else _joined(parts, rates)


def _joined(parts: Sequence[CodedDepth], rates: FrameRates) -> CodedDepth:
    return CodedDepth(
        times=tuple(time for part in parts for time in part.times),
        levels=tuple(level for part in parts for level in part.levels),
        rates=rates,
        symbols=jax.tree.map(lambda *s: jnp.concatenate(s), *(part.symbols for part in parts)),
        pictures=[picture for part in parts for picture in part.pictures],
        cost=sum(part.cost for part in parts),
    )


def _code(
    network: Network,
    times: tuple[int, ...],
    levels: tuple[int, ...],
    sources: UInt[Array, "b h w 3"],
    references: Array | None,
    known: Known | None,
    rates: FrameRates,
    settings: Settings,
) -> CodedDepth:
    wanted, effort = settings.wanted, settings.effort
    found = code_frames(network, sources, references, rates, wanted, effort, known)
    cost = costs(network, found.symbols, found.frames, sources, rates, wanted).sum()
    pictures = _pictures(network, found.frames, *found.symbols[:2], found.prior, rates)
    return CodedDepth(times, levels, rates, found.symbols, pictures, float(cost))


def _known_of(picture: Picture) -> Known:
    assert picture.known is not None  # the image codec codes whatever closes a group
    return picture.known


def _size(decoded: Mapping[int, Picture]) -> Size:
    return Size(*decoded[0].frame.shape[:2])


def write_payload(network: Network, group: Sequence[CodedDepth]) -> bytes:
    encoder = SymbolEncoder()
    for depth in group:
        z, y, indexes, modes, kept = jax.device_get(depth.symbols)
        z_indexes = network.z_indexes(depth.rates, depth.size)
        if kept is not None:
            encode_modes(encoder, kept.astype(np.int64), 2)
            z, z_indexes = z[~kept], z_indexes[~kept]
        z_tables = network.entropy(depth.rates.kind).z_tables
        encoder.encode(z.ravel(), z_indexes.ravel(), z_tables)
        if modes is not None:
            encode_modes(encoder, modes.astype(np.int64), MODES)
        encoder.encode(y.ravel(), indexes.ravel(), network.inference.y_tables)
    return encoder.finish()


class GopReader:
    """Decodes one payload in the order in which it was written."""

    def __init__(self, network: Network, record: GopRecord, size: Size):
        self._network, self._record, self._size = network, record, size
        self._decoder = SymbolDecoder(record.payload)

    def closing(self, opening: Picture | None) -> Picture:
        """The frame that closes the group; `opening` predicts it if the record says so."""
        rates, known = frame_rates(self._record.quality, (), 0, (_INTRA,)), None
        if self._record.predicted[0]:
            assert opening is not None  # the record before this one has been read
            known = _known_of(opening)
        z = self._z(rates, known and known.z)
        prior = self._network.prior(z, rates, self._size)
        if known is not None:
            prior = self._network.predict(prior, known, self._modes(rates), rates)
        (y,) = self._y([prior])
        return self._pictures(z, y, prior, None, rates)[0]

    def b_frames(self, opening: Picture, closing: Picture) -> dict[int, Picture]:
        """The frames between, by time."""
        record, decoded = self._record, {0: opening, self._record.frames: closing}
        for depth, b_frames in enumerate(hierarchy(record.frames), start=1):
            predicted = record.predicted[depth]
            levels = [_INTRA if predicted else f.level for f in b_frames]
            rates = frame_rates(record.quality, record.level_offsets, depth, levels)
            z = self._z(rates, _known(decoded, b_frames).z if predicted else None)
            modes = self._modes(rates) if predicted else None
            parts, first = [], 0
            for batch, own in batches(b_frames, rates, self._size):
                rows = slice(first, first := first + len(batch))
                prior = self._network.prior(z[rows], own, self._size)
                if modes is not None:
                    known = _known(decoded, batch)
                    prior = self._network.predict(prior, known, modes[rows], own)
                parts.append((batch, own, z[rows], prior))
            found = dict[int, Picture]()
            ys = self._y([prior for *_, prior in parts])
            for (batch, own, part, prior), y in zip(parts, ys, strict=True):
                references = None if predicted else _references(self._network, decoded, batch)
                pictures = self._pictures(part, y, prior, references, own)
                found |= dict(zip((f.time for f in batch), pictures, strict=True))
            decoded |= found
        return {time: decoded[time] for time in range(1, record.frames)}

    def _pictures(
        self, z: Array, y: Array, prior: Prior, references: Array | None, rates: FrameRates
    ) -> list[Picture]:
        frames = self._network.synthesise(y, prior, references, rates, self._size)
        return _pictures(self._network, frames, z, y, prior, rates)

    def _z(self, rates: FrameRates, before: Array | None) -> Array:
        """What is not kept of the z `before`."""
        indexes = self._network.z_indexes(rates, self._size)
        if before is None:
            z, sent = np.zeros(indexes.shape, np.int32), np.ones(indexes.shape[:3], bool)
        else:
            batch, height, width, _ = before.shape
            sent = decode_modes(self._decoder, (batch, height, width), 2) == 0
            z = np.array(before)
        z_tables = self._network.entropy(rates.kind).z_tables
        z[sent] = self._decoder.decode(indexes[sent].ravel(), z_tables).reshape(z[sent].shape)
        return jnp.asarray(z)

    def _modes(self, rates: FrameRates) -> Array:
        shape = (len(rates.level), *self._size.latent)
        return jnp.asarray(decode_modes(self._decoder, shape, MODES))

    def _y(self, priors: Sequence[Prior]) -> list[Array]:
        """Of all batches of a depth."""
        indexes = np.concatenate([np.asarray(prior.indexes) for prior in priors])
        y = self._decoder.decode(indexes.ravel(), self._network.inference.y_tables)
        ends = np.cumsum([len(prior.indexes) for prior in priors])[:-1]
        return [jnp.asarray(part) for part in np.split(y.reshape(indexes.shape), ends)]
