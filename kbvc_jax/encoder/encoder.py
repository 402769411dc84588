"""Frames to coded groups of pictures, one after another, in constant memory."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.payload import write_payload
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.encoder.gop_choice import FALL, Group
from kbvc_jax.encoder.group import FrameStatistics, Settings, code_image
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.scene import Findings, Scene
from kbvc_jax.encoder.span import Frame, Run, Span, spans
from kbvc_jax.encoder.window import Window
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.rate import Quality


class CodedGop(NamedTuple):
    """A record for the container, what its frames cost, and what they decode to."""

    record: GopRecord
    statistics: list[FrameStatistics]
    frames: list[tuple[int, UInt[np.ndarray, "h w 3"]]]  # in display order, where asked for


@dataclasses.dataclass(frozen=True)
class ChosenGop:
    """All symbols of a group are chosen, and may be on the device yet."""

    network: EncoderNetwork
    start: int  # of the group's opening frame
    group: Group
    quality: Quality

    def written(self, with_frames: bool = False) -> CodedGop:
        depths, length = self.group.depths, self.group.end - self.group.start
        statistics = [row for depth in depths for row in depth.statistics(self.start)]
        record = GopRecord(
            first_frame=self.start + 1 if length else self.start,
            frames=max(length, 1),
            quality=self.quality,
            level_offsets=self.group.level_offsets,
            codecs=tuple(NAMES.index(depth.codec) for depth in depths),
            payload=write_payload(self.network, [depth.coded for depth in depths]),
        )
        frames = [
            (self.start + time, np.asarray(picture.frame))
            for depth in (depths if with_frames else ())
            for time, picture in zip(depth.times, depth.pictures, strict=True)
        ]
        by_number = sorted(statistics, key=lambda row: row.index)
        return CodedGop(record, by_number, sorted(frames, key=lambda frame: frame[0]))


def encode_gops(
    network: EncoderNetwork, frames: Iterable[Frame], options: EncoderOptions
) -> Iterator[ChosenGop]:
    """Codes all frames; the options are resolved."""
    encoder = Encoder(network, options)
    for span in spans(frames, network.peak, options):
        yield from encoder.code(span)


class Begin(NamedTuple):
    """Where a run begins: with an I-frame that the run before it ends with."""

    quality: Quality  # of that frame
    scene: Findings | None  # None: a new scene


class Encoder:
    """Codes one span after another."""

    def __init__(self, network: EncoderNetwork, options: EncoderOptions):
        assert options.rounding
        self._network, self._auto = network, options.auto
        self._settings = Settings(
            options.fixed_point_quality,
            options.candidates,
            options.closing_candidates,
            options.rounding,
            options.effort,
        )
        self._quality = options.fixed_point_quality  # of the span before
        self._many = options.quality is not None  # a model for one lambda has one for all frames
        self._opening: Picture | None = None  # the frame that a span begins with, once it is coded
        self._scene: Scene | None = None

    def begin(self, frame: Frame, begin: Begin) -> None:
        """Elsewhere than at the first frame of all."""
        settings = dataclasses.replace(self._settings, quality=begin.quality)
        self._opening = code_image(self._network, [Source(frame)], 0, settings).pictures[0]
        if begin.scene:
            self._scene = Scene(self._network, self._settings, self._many, begin.scene)

    def code(self, span: Span) -> Iterator[ChosenGop]:
        network, fall = self._network, FALL if self._many else 0
        if self._auto:
            self._scene = self._scene or Scene(network, self._settings, self._many)
            window, groups = self._scene.code(span, self._opening)
        else:
            window = Window(network, span, self._opening, self._settings)
            groups = window.code_all([Group(0, span.end, fall)] if span.end else [])
        self._quality = window.settings.quality
        if window.first:
            yield ChosenGop(network, 0, Group(0, 0, fall, [window.first]), self._quality)
        for group in groups:
            yield ChosenGop(network, span.start + group.start, group, self._quality)
            self._opening = group.closing
        if span.ends_scene:
            self._scene = None

    @property
    def end(self) -> Begin:
        """Where the next run begins."""
        return Begin(self._quality, self._scene.findings if self._scene else None)


def code_run(
    network: EncoderNetwork,
    run: Run,
    begin: Begin | None,
    options: EncoderOptions,
    with_frames: bool,
) -> tuple[list[CodedGop], Begin]:
    """A run by itself, but for what the one before it says; and what it says itself."""
    encoder = Encoder(network, options)
    if begin:
        encoder.begin(run[0].frames[0], begin)
    chosen = [group for span in run for group in encoder.code(span)]
    return [group.written(with_frames) for group in chosen], encoder.end
