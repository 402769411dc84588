"""The index at the end of a stream: the size and the frames of every record, for seeking."""

import io
from typing import NamedTuple

from kbvc_jax.coding.wire import CRC_BYTES, ByteSource, crc32, varint
from kbvc_jax.runtime.errors import InputError

END = b"\0"  # where a record would start: no more of them
_SIZE_BYTES = 4
TAIL_BYTES = _SIZE_BYTES + CRC_BYTES


class IndexEntry(NamedTuple):
    """Where a record is: bytes are counted from the header's first."""

    first_frame: int
    frames: int
    offset: int
    size: int


class IndexBuilder:
    """Grows by two or three bytes a record."""

    def __init__(self):
        self._data, self._previous = bytearray(END), 0
        self.frames = 0

    def add(self, size: int, frames: int) -> None:
        changed = frames != self._previous
        self._data += varint(size << 1 | changed) + bytes([frames] * changed)
        self._previous = frames
        self.frames += frames

    def to_bytes(self) -> bytes:
        size = len(self._data) + TAIL_BYTES
        data = bytes(self._data) + size.to_bytes(_SIZE_BYTES, "little")
        return data + crc32(data)


def index_size(tail: bytes) -> int:
    """Size of the whole index, from the last TAIL_BYTES of the file."""
    return int.from_bytes(tail[:_SIZE_BYTES], "little")


def read_index(data: bytes, body: int) -> list[IndexEntry]:
    """Entries of an index whose records begin at `body`."""
    source = ByteSource(io.BytesIO(data), "index")
    if source.take(1) != END:
        raise InputError("no index")
    entries, offset, first_frame, frames = [], body, 0, 0
    while source.count < len(data) - TAIL_BYTES:
        number = source.varint()
        size = number >> 1
        if number & 1:
            frames = source.integer(1)
        entries.append(IndexEntry(first_frame, frames, offset, size))
        offset, first_frame = offset + size, first_frame + frames
    source.take(_SIZE_BYTES)
    source.check_crc()
    return entries
