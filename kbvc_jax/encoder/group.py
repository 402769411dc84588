"""A group of pictures: frames to symbols, the frame that closes it first, then depth by depth."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax.numpy as jnp

from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, batches, closing_distances, quality_at
from kbvc_jax.codec.payload import Coded, references_of
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.encoder.cost import Cost
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.refinement import code_frames
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.motion.estimation import Source, Way, Ways
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.config import Rounding
from kbvc_jax.rate import Quality


@dataclasses.dataclass(frozen=True)
class FrameStatistics:
    """What a frame cost, as the tables price it."""

    index: int
    kind: str  # "I", "P" or "B"
    level: int
    codec: str
    bits: Mapping[str, float]  # of each latent, in coding order

    @property
    def bits_y(self) -> float:
        """Of the last one, which the picture is made of."""
        return self.bits[list(self.bits)[-1]]

    @property
    def bits_z(self) -> float:
        """Of all that is told before it."""
        return sum(self.bits.values()) - self.bits_y


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to code a group."""

    quality: Quality  # of its I-frames
    b_frames: tuple[str, ...]  # their codec; of several each depth has its own
    p_frames: tuple[str, ...]  # and each frame
    rounding: Rounding
    effort: int = 0  # steps of refinement: see `b_frame_steps`

    def b_frame_steps(self, b_frame: BFrame) -> int:
        """Of refining B-frames. I-frames and P-frames, from which more follows, take all; a leaf,
        to which nothing refers, is not worth steps of its own."""
        return 0 if b_frame.is_leaf else -(-self.effort // 2)


@dataclasses.dataclass(frozen=True, eq=False)
class CodedDepth:
    """The frame that closes a group, or all B-frames of a depth, in batches."""

    codec: str
    times: tuple[int, ...]  # relative to the group's opening frame
    levels: tuple[int, ...]
    coded: Sequence[Coded]
    pictures: Sequence[Picture]
    costs: Sequence[Cost]  # a batch each

    @property
    def bits(self) -> float:
        """Of all."""
        return sum(float(own.sum()) for cost in self.costs for own in cost.bits.values())

    @property
    def errors(self) -> tuple[float, ...]:
        """Of each, squared and summed over its samples."""
        return tuple(error for cost in self.costs for error in cost.errors.tolist())

    def statistics(self, start: int) -> list[FrameStatistics]:
        rows = [
            dict(zip(cost.bits, own, strict=True))
            for cost in self.costs
            for own in zip(*(column.tolist() for column in cost.bits.values()), strict=True)
        ]
        return [
            FrameStatistics(start + time, self._kind(level), level, self.codec, bits)
            for time, level, bits in zip(self.times, self.levels, rows, strict=True)
        ]

    def _kind(self, level: int) -> str:
        return "B" if level != INTRA else "I" if self.codec == NAMES[IMAGE] else "P"


def code_image(
    network: EncoderNetwork,
    way: Way,
    time: int,
    settings: Settings,
    opening: Picture | None = None,
) -> CodedDepth:
    """An I-frame; or a P-frame, and the way to the one before it: of the codecs that it may have,
    by the one that codes it best."""
    codecs = settings.p_frames if opening else [NAMES[IMAGE]]
    references = [[opening]] if opening else []
    distances = closing_distances(len(way) - 1)
    rates = FrameRates(settings.quality, (INTRA,), distances)

    def code(codec: str, own: Settings) -> CodedDepth:
        return _code(network, codec, (time,), rates, references, own, [[way]])

    return _cheapest(network, codecs, code, settings)


def code_b_frames(
    network: EncoderNetwork,
    opening: Picture,
    closing: Picture,
    sources: Sequence[Source],
    level_offsets: Sequence[int],
    settings: Settings,
) -> list[CodedDepth]:
    """All frames strictly between the first and the last, which are decoded: each depth by that of
    the codecs it may have that codes its first frames best."""
    length, depths = len(sources) - 1, list[CodedDepth]()
    decoded = {0: opening, length: closing}
    candidates = settings.b_frames
    for number, b_frames in enumerate(hierarchy(length), start=1):
        quality = quality_at(number, settings.quality, level_offsets)
        effort = settings.b_frame_steps(b_frames[0])
        own = dataclasses.replace(settings, quality=quality, effort=effort)
        first, *others = batches(b_frames, opening.size)
        code = partial(_code_batch, network, decoded, sources)
        best = _cheapest(network, candidates, partial(code, first), own)
        codec = best.codec
        depths.append(_joined([best, *(code(part, codec, own) for part in others)]))
        decoded |= dict(zip(depths[-1].times, depths[-1].pictures, strict=True))
        candidates = tuple(c for c in candidates if _refers(c, codec))
    return depths


def _refers(codec: str, other: str) -> bool:
    """Whether its frames may refer to those of the other one."""
    return not CODECS[codec].needs_memory or CODECS[codec].keeps is CODECS[other].keeps


def _cheapest(
    network: EncoderNetwork,
    codecs: Sequence[str],
    code: Callable[[str, Settings], CodedDepth],
    settings: Settings,
) -> CodedDepth:
    """By the codec that costs least before refinement."""
    if len(codecs) == 1:  # what it costs need not be waited for
        return code(codecs[0], settings)
    tried = [code(codec, dataclasses.replace(settings, effort=0)) for codec in codecs]
    weight = network.error_weight(settings.quality)
    best = min(tried, key=lambda depth: depth.bits + weight * sum(depth.errors))
    return code(best.codec, settings) if settings.effort else best


def _code_batch(
    network: EncoderNetwork,
    decoded: Mapping[int, Picture],
    sources: Sequence[Source],
    batch: Sequence[BFrame],
    codec: str,
    settings: Settings,
) -> CodedDepth:
    times, levels = tuple(f.time for f in batch), tuple(f.level for f in batch)
    rates = FrameRates(settings.quality, levels, tuple(f.distances for f in batch))
    references = references_of(batch, decoded)
    ways = [[[sources[t] for t in f.ways[side]] for f in batch] for side in range(2)]
    return _code(network, codec, times, rates, references, settings, ways)


def _joined(parts: Sequence[CodedDepth]) -> CodedDepth:
    return CodedDepth(
        codec=parts[0].codec,
        times=tuple(time for part in parts for time in part.times),
        levels=tuple(level for part in parts for level in part.levels),
        coded=[coded for part in parts for coded in part.coded],
        pictures=[picture for part in parts for picture in part.pictures],
        costs=[cost for part in parts for cost in part.costs],
    )


def _code(
    network: EncoderNetwork,
    codec: str,
    times: tuple[int, ...],
    rates: FrameRates,
    references: Sequence[Sequence[Picture]],
    settings: Settings,
    ways: Ways,
) -> CodedDepth:
    sources = jnp.stack([jnp.asarray(way[0].frame) for way in ways[0]])
    batch = network.batch(codec, Size(*sources.shape[1:3]), rates, references)
    found = code_frames(network, batch, sources, settings.effort, settings.rounding, ways)
    cost = found.cost(network, sources)
    return CodedDepth(codec, times, rates.levels, [found.coded], found.pictures, [cost])
