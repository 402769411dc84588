"""Bytes on the wire: variable-length integers, and reading under a check sum."""

import math
import zlib
from typing import BinaryIO

from kbvc_jax.runtime.errors import InputError

CRC_BYTES = 4
_CHUNK = 1 << 20
_MAX_VARINT_BYTES = 5


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the top bit says that another byte follows."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def crc32(data: bytes, identity: int = 0) -> bytes:
    """A check sum that another stream's records do not have."""
    return zlib.crc32(data, identity).to_bytes(CRC_BYTES, "little")


class ByteSource:
    """Reads one part of a file: the header, a record. Counts and sums what it has read.

    `room`: bytes that there are. What claims to be longer is not read at all.
    """

    def __init__(self, file: BinaryIO, part: str, room: float = math.inf, identity: int = 0):
        self._file, self._part, self._room = file, part, room
        self._crc = identity
        self.count = 0

    def take(self, size: int, *, may_end: bool = False) -> bytes:
        data = read_fully(self._file, size) if self.count + size <= self._room else b""
        if len(data) < size and not (may_end and not data):
            raise InputError(f"cut off within the {self._part}")
        self.count += len(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def integer(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def varint(self) -> int:
        value = 0
        for position in range(_MAX_VARINT_BYTES):
            byte = self.integer(1)
            value |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                return value
        raise InputError(f"damaged {self._part}: a number of more than {_MAX_VARINT_BYTES} bytes")

    def check_crc(self) -> None:
        expected = self._crc
        if self.integer(CRC_BYTES) != expected:
            raise InputError(f"damaged {self._part}: its check sum does not match")


def read_fully(file: BinaryIO, size: int) -> bytes:
    """Fewer bytes only at the end of the file. A damaged size allocates no more than is there."""
    chunks = []
    while size > 0 and (chunk := file.read(min(size, _CHUNK))):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
