"""What coding a video came to."""

import dataclasses

from kbvc_jax.encoder.group import FrameStatistics
from kbvc_jax.video.format import VideoFormat


@dataclasses.dataclass(frozen=True)
class EncodeSummary:
    frames: int
    bytes: int
    seconds: float
    statistics: list[FrameStatistics]  # a row a frame

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
