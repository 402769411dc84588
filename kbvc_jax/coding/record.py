"""One record of a stream: a group of pictures under one check sum."""

import dataclasses
import itertools
import zlib
from collections.abc import Sequence

from kbvc_jax.coding.header import Header
from kbvc_jax.coding.wire import ByteSource, crc32, varint
from kbvc_jax.rate import BEST, Quality
from kbvc_jax.runtime.errors import InputError, about

MAX_FRAMES = 63
CODECS = 16  # numbers there are
IMAGE = 0  # of them, what needs no other frame
RESERVED = 0x40
OWN_QUALITY = 0x80


@dataclasses.dataclass(frozen=True)
class GopRecord:
    """The opening I-frame alone, or B-frames with the I- or P-frame that closes their group."""

    first_frame: int
    frames: int
    quality: Quality
    level_offsets: tuple[int, ...]  # of quality, in half steps, for each depth of B-frames
    codecs: tuple[int, ...]  # by number: of the closing frame, then of each depth of B-frames
    payload: bytes

    def __post_init__(self):
        if not 1 <= self.frames <= MAX_FRAMES or (self.opening and self.frames > 1):
            raise InputError(
                f"record of {self.frames} frames: must be 1 to {MAX_FRAMES}, 1 if it opens a stream"
            )
        if len(self.codecs) != depths(self.frames) + 1:
            raise InputError(
                f"{len(self.codecs)} codecs for {self.frames} frames: "
                f"must be {depths(self.frames) + 1}"
            )
        if any(not 0 <= codec < CODECS for codec in self.codecs):
            raise InputError(f"codecs {self.codecs}: must be numbers from 0 to {CODECS - 1}")
        if self.opening and not self.alone:
            raise InputError("the frame that opens a stream: nothing can predict it")
        if len(self.level_offsets) != depths(self.frames):
            raise InputError(
                f"{len(self.level_offsets)} level offsets for {self.frames} frames: "
                f"must be {depths(self.frames)}"
            )
        if not 0 <= self.quality <= BEST:
            raise InputError(f"record quality {self.quality}: must be from 0 to {BEST}")
        if any(not -128 <= offset <= 127 for offset in self.level_offsets):
            raise InputError(f"level offsets {self.level_offsets}: must be from -128 to 127")

    @property
    def opening(self) -> bool:
        return self.first_frame == 0

    @property
    def alone(self) -> bool:
        """Whether its last frame can be decoded without any other record."""
        return self.codecs[0] == IMAGE

    @property
    def identity(self) -> int:
        """Of the stream that it opens."""
        return zlib.crc32(self.payload)

    def to_bytes(self, header: Header) -> bytes:
        own = self.quality != header.quality or any(self.level_offsets)
        data = bytes([self.frames | OWN_QUALITY * own]) + varint(self.first_frame)
        if own:
            data += self.quality.to_bytes(2, "little")
            data += b"".join(o.to_bytes(1, "little", signed=True) for o in self.level_offsets)
        data += _halves(self.codecs)
        data += varint(len(self.payload)) + self.payload
        return data + crc32(data, header.identity)


def read_record(
    source: ByteSource, tag: bytes, header: Header, expected: int | None = None
) -> GopRecord:
    """The rest of a record whose first byte is read. `expected`: the number of its first frame."""
    flags = tag[0]
    frames, first_frame = flags & MAX_FRAMES, source.varint()
    quality, offsets = header.quality, (0,) * depths(frames)
    if flags & OWN_QUALITY:
        quality = Quality(source.integer(2))
        offsets = tuple(source.integer(1, signed=True) for _ in offsets)
    count = len(offsets) + 1
    halves = [half for byte in source.take(-(-count // 2)) for half in (byte & 15, byte >> 4)]
    payload = source.take(source.varint())
    source.check_crc()
    with about(f"record of frame {first_frame if expected is None else expected}"):
        if expected not in (None, first_frame):
            raise InputError(f"frame {first_frame}'s stands in its place")
        if flags & RESERVED or any(halves[count:]):
            raise InputError("reserved bits are not 0")
        return GopRecord(first_frame, frames, quality, offsets, tuple(halves[:count]), payload)


def _halves(numbers: Sequence[int]) -> bytes:
    """Two numbers a byte, the first in the lower half."""
    pairs = itertools.zip_longest(numbers[::2], numbers[1::2], fillvalue=0)
    return bytes(low | high << 4 for low, high in pairs)


def depths(frames: int) -> int:
    """How often a group of this length is halved until single frames are left."""
    return max(frames - 1, 0).bit_length()
