"""Streams of records for tests of the container."""

import dataclasses
import io
from fractions import Fraction

from hypothesis import strategies as st

from kbvc_jax.coding.container import GopRecord, Header, StreamReader, StreamWriter
from kbvc_jax.coding.header import MAGIC, VERSION
from kbvc_jax.coding.limits import Limits
from kbvc_jax.coding.record import depths

CURRENT = MAGIC + bytes([VERSION])

HEADER = Header(
    width=416,
    height=240,
    rate=Fraction(30000, 1001),
    matrix="709",
    full_range=False,
    bit_depth=8,
    chroma="420",
    gop=8,
    quality=50 * 256,
    fingerprint=b"\x01model\x00\xff",
)

headers = st.fixed_dictionaries(
    {
        "width": st.integers(16, 8192),
        "height": st.integers(16, 8192),
        "rate": st.builds(Fraction, st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1)),
        "matrix": st.sampled_from(["601", "709", "2020"]),
        "full_range": st.booleans(),
        "bit_depth": st.sampled_from([8, 10]),
        "chroma": st.sampled_from(["420", "422", "444", "400"]),
        "gop": st.integers(0, 32),
        "quality": st.integers(0, 25600),
        "fingerprint": st.binary(min_size=8, max_size=8),
        "one_rate": st.booleans(),
    }
)
# Of each group: frames, quality, an offset for each depth that it may have, payload.
groups = st.lists(
    st.tuples(
        st.integers(1, 32),
        st.sampled_from([0, 50 * 256, 25600]),
        st.lists(st.sampled_from([0, 0, -128, 3, 127]), min_size=5, max_size=5),
        st.lists(st.integers(0, 15), min_size=6, max_size=6),
        st.binary(max_size=300),
    ),
    min_size=1,
    max_size=6,
)


def records_of(groups) -> list[GopRecord]:
    """The first one opens the stream."""
    records, first = [], 0
    for frames, quality, offsets, numbers, payload in groups:
        frames = frames if first else 1
        levels = tuple(offsets[: depths(frames)])
        codecs = tuple(numbers[: depths(frames) + 1]) if first else (0,)
        records.append(GopRecord(first, frames, quality, levels, codecs, payload))
        first += frames
    return records


def gops(payload: int) -> list[GopRecord]:
    """33 frames in groups of 8."""
    opening = GopRecord(0, 1, HEADER.quality, (), (0,), bytes([255]) * payload)
    groups = [
        GopRecord(1 + 8 * k, 8, HEADER.quality, (0,) * 3, (0, 1, 1, 1), bytes([k]) * payload)
        for k in range(4)
    ]
    return [opening, *groups]


class Pipe(io.RawIOBase):
    """Cannot be seeked, and gives its bytes in crumbs."""

    def __init__(self, data: bytes = b""):
        self.data, self.at = bytearray(data), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        crumb = self.data[self.at : self.at + min(len(buffer), 7)]
        buffer[: len(crumb)] = crumb
        self.at += len(crumb)
        return len(crumb)

    def write(self, data) -> int:
        self.data += data
        return len(data)


def headed(data: bytes, **fields) -> bytes:
    """The stream, its header saying something else."""
    header = StreamReader(io.BytesIO(data), Limits(2**40, 2**40)).header
    return dataclasses.replace(header, **fields).to_bytes() + data[len(header.to_bytes()) :]


def write(file, records, header: Header = HEADER) -> int:
    writer = StreamWriter(file, header)
    for record in records:
        writer.write(record)
    return writer.close()


def stream(records, header: Header = HEADER) -> bytes:
    file = io.BytesIO()
    assert write(file, records, header) == len(file.getvalue())
    return file.getvalue()


def read(data: bytes) -> list[GopRecord]:
    return list(StreamReader(io.BytesIO(data)))
