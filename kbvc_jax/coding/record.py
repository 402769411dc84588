"""One record of a stream: a group of pictures under one check sum."""

import dataclasses

from kbvc_jax.coding.header import QUALITY_MAX, Header
from kbvc_jax.coding.wire import ByteSource, crc32, varint
from kbvc_jax.errors import InputError

MAX_FRAMES = 63
OPENING = 0x40
OWN_QUALITY = 0x80


@dataclasses.dataclass(frozen=True)
class GopRecord:
    """The opening I-frame alone, or B-frames with the I-frame that closes their group."""

    first_frame: int
    frames: int
    quality: int  # in 1/256
    level_offsets: tuple[int, ...]  # of quality, in half steps, for each depth of B-frames
    opening: bool
    payload: bytes

    def __post_init__(self):
        if not 1 <= self.frames <= MAX_FRAMES or (self.opening and self.frames > 1):
            raise InputError(
                f"record of {self.frames} frames: must be 1 to {MAX_FRAMES}, 1 if it opens a stream"
            )
        if len(self.level_offsets) != depths(self.frames):
            raise InputError(
                f"{len(self.level_offsets)} level offsets for {self.frames} frames: "
                f"must be {depths(self.frames)}"
            )
        if not 0 <= self.quality <= QUALITY_MAX:
            raise InputError(f"record quality {self.quality}: must be from 0 to {QUALITY_MAX}")
        if any(not -128 <= offset <= 127 for offset in self.level_offsets):
            raise InputError(f"level offsets {self.level_offsets}: must be from -128 to 127")

    def to_bytes(self, header: Header) -> bytes:
        own = self.quality != header.quality or any(self.level_offsets)
        data = bytes([self.frames | OPENING * self.opening | OWN_QUALITY * own])
        if own:
            data += self.quality.to_bytes(2, "little")
            data += b"".join(o.to_bytes(1, "little", signed=True) for o in self.level_offsets)
        data += varint(len(self.payload)) + self.payload
        return data + crc32(data)


def read_record(source: ByteSource, tag: bytes, header: Header, first_frame: int) -> GopRecord:
    """The rest of a record whose first byte is read."""
    flags = tag[0]
    frames = flags & MAX_FRAMES
    quality, offsets = header.quality, (0,) * depths(frames)
    if flags & OWN_QUALITY:
        quality = source.integer(2)
        offsets = tuple(source.integer(1, signed=True) for _ in offsets)
    payload = source.take(source.varint())
    source.check_crc()
    return GopRecord(first_frame, frames, quality, offsets, bool(flags & OPENING), payload)


def depths(frames: int) -> int:
    """How often a group of this length is halved until single frames are left."""
    return max(frames - 1, 0).bit_length()
