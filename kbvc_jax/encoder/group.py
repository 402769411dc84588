"""A group of pictures: frames to symbols, the frame that closes it first, then depth by depth."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt

from kbvc_jax.codec.batch import FrameRates, Predictors, Size, Symbols
from kbvc_jax.codec.payload import Coded
from kbvc_jax.codec.pictures import (
    INTRA,
    Picture,
    batches,
    frame_rates,
    pictures,
    predictors_around,
    predictors_of,
    references,
)
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import BFrames, Rounding
from kbvc_jax.encoder.refinement import code_frames, costs
from kbvc_jax.rate import Quality


@dataclasses.dataclass(frozen=True)
class FrameStatistics:
    """What a frame cost, as the tables price it."""

    index: int
    kind: str  # "I", "P" or "B"
    level: int
    bits_y: float
    bits_z: float  # and modes


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to code a group."""

    quality: Quality  # of its I-frames
    wanted: Quality  # whose lambda says what things cost
    b_frames: BFrames
    rounding: Rounding
    effort: int = 0  # steps of refinement: see `b_frame_steps`

    def b_frame_steps(self, b_frame: BFrame) -> int:
        """Of refining B-frames. I-frames and P-frames, from which more follows, take all; a leaf,
        to which nothing refers, is not worth steps of its own."""
        return 0 if b_frame.is_leaf else -(-self.effort // 2)


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
        return self.pictures[0].size

    @property
    def predicted(self) -> bool:
        return self.symbols.modes is not None

    @property
    def coded(self) -> Coded:
        return Coded(self.rates, self.size, self.symbols)

    def statistics(self, network: EncoderNetwork, start: int) -> list[FrameStatistics]:
        bits = network.bits(self.symbols, self.rates, self.size)
        return [
            FrameStatistics(start + time, self._kind(level), level, *own)
            for time, level, *own in zip(
                self.times, self.levels, *np.array(bits).tolist(), strict=True
            )
        ]

    def _kind(self, level: int) -> str:
        return "B" if level != INTRA else "P" if self.predicted else "I"


def code_image(
    network: EncoderNetwork,
    frame: UInt[np.ndarray, "h w 3"],
    time: int,
    settings: Settings,
    opening: Picture | None = None,
) -> CodedDepth:
    """An I-frame; or a P-frame, its latent predicted from that of the one before it."""
    rates = frame_rates(settings.quality, (), 0, (INTRA,))
    predictors = opening and predictors_of(opening)
    source = jnp.asarray(frame)[None]
    return _code(network, (time,), (INTRA,), source, None, predictors, rates, settings)


def code_b_frames(
    network: EncoderNetwork,
    opening: Picture,
    closing: Picture,
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    level_offsets: Sequence[int],
    settings: Settings,
) -> list[CodedDepth]:
    """All frames strictly between two decoded ones."""
    decoded, out = {0: opening, len(frames) + 1: closing}, []
    for depth, b_frames in enumerate(hierarchy(len(frames) + 1), start=1):
        predicted = settings.b_frames == "predicted"
        levels = [INTRA if predicted else f.level for f in b_frames]
        rates = frame_rates(settings.quality, level_offsets, depth, levels)
        own = dataclasses.replace(settings, effort=settings.b_frame_steps(b_frames[0]))
        coded = _code_depth(network, decoded, frames, b_frames, rates, own)
        decoded |= dict(zip(coded.times, coded.pictures, strict=True))
        out.append(coded)
    return out


def _code_depth(
    network: EncoderNetwork,
    decoded: Mapping[int, Picture],
    frames: Sequence[UInt[np.ndarray, "h w 3"]],
    b_frames: Sequence[BFrame],
    rates: FrameRates,
    settings: Settings,
) -> CodedDepth:
    parts, first = [], 0
    for batch in batches(b_frames, decoded[0].size):
        own = rates.rows(slice(first, first := first + len(batch)))
        times, levels = tuple(f.time for f in batch), tuple(f.level for f in batch)
        sources = jnp.stack([jnp.asarray(frames[time - 1]) for time in times])
        seen, predictors = references(network, decoded, batch), None
        if settings.b_frames == "predicted":
            predictors = predictors_around(network, decoded, batch, seen, own)
            seen = None
        parts.append(_code(network, times, levels, sources, seen, predictors, own, settings))
    return _joined(parts, rates)


def _joined(parts: Sequence[CodedDepth], rates: FrameRates) -> CodedDepth:
    if len(parts) == 1:
        return parts[0]
    return CodedDepth(
        times=tuple(time for part in parts for time in part.times),
        levels=tuple(level for part in parts for level in part.levels),
        rates=rates,
        symbols=jax.tree.map(lambda *s: jnp.concatenate(s), *(part.symbols for part in parts)),
        pictures=[picture for part in parts for picture in part.pictures],
        cost=sum(part.cost for part in parts),
    )


def _code(
    network: EncoderNetwork,
    times: tuple[int, ...],
    levels: tuple[int, ...],
    sources: UInt[Array, "b h w 3"],
    seen: Array | None,
    predictors: Predictors | None,
    rates: FrameRates,
    settings: Settings,
) -> CodedDepth:
    found = code_frames(
        network, sources, seen, rates, settings.effort, settings.rounding, predictors
    )
    cost = costs(network, found.symbols, found.frames, sources, rates, settings.wanted).sum()
    made = pictures(network, found.frames, *found.symbols[:2], found.prior, rates)
    return CodedDepth(times, levels, rates, found.symbols, made, float(cost))
