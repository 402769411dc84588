"""Frames to coded groups of pictures, one after another, in constant memory."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import UInt

from kbvc_jax.codec.payload import write_payload
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.encoder.gop_choice import FALL, Group, first_cut
from kbvc_jax.encoder.group import FrameStatistics, Settings
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.scene import Scene
from kbvc_jax.encoder.window import Span, Window
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.rate import Quality

Frame = UInt[np.ndarray, "h w 3"]


class CodedGop:
    """A record for the container, with what it decodes to."""

    def __init__(self, network: EncoderNetwork, start: int, group: Group, quality: Quality):
        self._network, self._depths = network, group.depths
        self.start = start  # of the group's opening frame
        self.length = group.end - group.start
        self.record = GopRecord(
            first_frame=start + 1 if self.length else start,
            frames=max(self.length, 1),
            quality=quality,
            level_offsets=group.level_offsets,
            codecs=tuple(NAMES.index(depth.codec) for depth in group.depths),
            payload=write_payload(network, [depth.coded for depth in group.depths]),
        )

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Decoded frames with their numbers, in display order."""
        decoded = {
            time: np.asarray(picture.frame)
            for depth in self._depths
            for time, picture in zip(depth.times, depth.pictures, strict=True)
        }
        for time in sorted(decoded):
            yield self.start + time, decoded[time]

    def statistics(self) -> list[FrameStatistics]:
        network = self._network
        found = [s for depth in self._depths for s in depth.statistics(network, self.start)]
        return sorted(found, key=lambda statistics: statistics.index)


def encode_gops(
    network: EncoderNetwork, frames: Iterable[Frame], options: EncoderOptions
) -> Iterator[CodedGop]:
    """Codes all frames; the options are resolved."""
    assert options.rounding
    asked = Settings(
        options.fixed_point_quality,
        options.candidates,
        network.inference.model.config.p_frames,
        options.rounding,
        options.steps,
    )
    many = options.quality is not None  # a model for one lambda has one quality for all frames
    fall = FALL if many else 0
    opening = None  # the frame that a span begins with, once it is coded
    scene = None  # what auto knows of it
    for span in _spans(frames, network.peak, options):
        if options.auto:
            scene = scene or Scene(network, asked, many)
            window, groups = scene.code(span, opening)
        else:
            window = Window(network, span, opening, asked)
            groups = window.code_all([Group(0, span.end, fall)] if span.end else [])
        quality = window.settings.quality
        if window.first:
            yield CodedGop(network, 0, Group(0, 0, fall, [window.first]), quality)
        for group in groups:
            yield CodedGop(network, span.start + group.start, group, quality)
            opening = group.closing
        scene = None if span.ends_scene else scene


def _spans(frames: Iterable[Frame], peak: int, options: EncoderOptions) -> Iterator[Span]:
    """Groups of a fixed length; or as much of a scene as the longest group holds."""
    source, longest = iter(frames), options.longest
    waiting = list(itertools.islice(source, 1))
    start = since = 0  # the latter from the last I-frame
    while waiting:
        waiting += itertools.islice(source, longest + 1 - len(waiting))
        if start and len(waiting) == 1:  # the last span's last
            return
        cut = first_cut(waiting, peak) if options.auto else None
        end = cut or len(waiting) - 1
        since += end
        too_far = end == longest and since + longest > options.intra_period
        ends_intra = cut is not None or too_far
        yield Span(start, waiting[: end + 1], ends_intra, cut is not None)
        start, waiting = start + end, waiting[end:] if end else []
        since = 0 if ends_intra else since
