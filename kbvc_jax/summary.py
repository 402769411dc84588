"""What coding a video came to."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

from kbvc_jax.encoder.group import FrameStatistics
from kbvc_jax.runtime.progress import kilobits_per_second
from kbvc_jax.video.format import VideoFormat


@dataclasses.dataclass(frozen=True)
class EncodeSummary:
    frames: int
    bytes: int
    seconds: float
    statistics: list[FrameStatistics]  # a row a frame
    format: VideoFormat
    quality: float | None  # None: of a model of one lambda

    @property
    def bits_per_pixel(self) -> float:
        return self.bytes * 8 / (self.frames * self.format.width * self.format.height)

    @property
    def kilobits_per_second(self) -> float:
        return kilobits_per_second(self.bytes, self.frames, self.format.rate)

    @property
    def frames_by_codec(self) -> Mapping[str, int]:
        return Counter(s.kind if s.kind == "I" else f"{s.kind} {s.codec}" for s in self.statistics)

    @property
    def estimated_bits(self) -> float:
        """What the probability tables promise, before headers."""
        return sum(s.bits_y + s.bits_z for s in self.statistics)


@dataclasses.dataclass(frozen=True)
class DecodeSummary:
    frames: int
    seconds: float
    format: VideoFormat
    concealed: tuple[int, ...] = ()  # numbers of the frames that stand for damaged ones
