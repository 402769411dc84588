"""The container: streams of records that survive pipes."""

import io
import zlib
from fractions import Fraction

import pytest
from hypothesis import given

from kbvc_jax.coding.container import GopRecord, Header, StreamReader
from kbvc_jax.coding.limits import UNLIMITED
from kbvc_jax.runtime.errors import InputError
from tests.coding.plain_decoder import parse
from tests.coding.written import (
    HEADER,
    Pipe,
    gops,
    groups,
    headers,
    read,
    records_of,
    stream,
    write,
)


@given(headers, groups)
def test_streams_come_back_as_they_were_written(fields, groups):
    header, records = Header(**fields), records_of(groups)
    reader = StreamReader(io.BytesIO(stream(records, header)), UNLIMITED)
    frames = sum(record.frames for record in records)
    assert reader.header.frame_count == reader.frame_count == frames
    assert reader.header.rate == header.rate
    assert reader.header.fingerprint == header.fingerprint
    assert list(reader) == records
    assert [reader.record(k) for k in reversed(range(len(records)))] == records[::-1]


@given(headers, groups)
def test_a_parser_written_from_the_document_reads_the_stream(fields, groups):
    header, records = Header(**fields), records_of(groups)
    fields, found, entries = parse(stream(records, header))
    rate = fields.pop("rate")
    assert rate == (header.rate.numerator, header.rate.denominator)
    assert fields.pop("frame_count") == sum(record.frames for record in records)
    assert fields.pop("identity") == zlib.crc32(records[0].payload)
    assert fields == {name: getattr(header, name) for name in fields}
    assert [GopRecord(*values[:-1]) for values in found] == records
    assert entries == [(values[1], values[-1]) for values in found]


@given(groups)
def test_pipes_carry_streams_both_ways(groups):
    records = records_of(groups)
    pipe = Pipe()
    write(pipe, records)
    reader = StreamReader(Pipe(bytes(pipe.data)))
    assert reader.header.frame_count == 0
    assert reader.frame_count is None
    assert list(reader) == records
    # The index tells what the header could not.
    seekable = StreamReader(io.BytesIO(bytes(pipe.data)))
    assert seekable.frame_count == sum(record.frames for record in records)


def test_a_pipe_refuses_to_seek():
    with pytest.raises(InputError, match="pipe"):
        StreamReader(Pipe(stream(gops(10)))).record(1)


def test_a_stream_may_start_anywhere_in_a_file():
    file = io.BytesIO(b"before")
    file.seek(0, io.SEEK_END)
    write(file, gops(10))
    file.seek(len("before"))
    reader = StreamReader(file)
    assert list(reader) == gops(10)
    assert reader.record(4) == gops(10)[4]


def test_a_stream_appended_to_a_file_is_not_patched_at_its_end(tmp_path):
    """As under a shell's >>, where a write goes to the end wherever one seeks."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with path.open("ab") as file:
        write(file, gops(10))
    with path.open("rb") as file:
        file.seek(len("before"))
        assert list(StreamReader(file)) == gops(10)


def test_overhead_stays_below_110_bytes_for_33_frames():
    header, records = len(HEADER.to_bytes()), gops(2000)
    assert header <= 44
    assert all(len(record.to_bytes(HEADER)) - 2000 <= 10 for record in records)
    assert len(stream(records)) - 5 * 2000 < 110
    worst = Header(**{**vars(HEADER), "rate": Fraction(2**32 - 1, 2**32 - 2)})
    assert len(worst.to_bytes()) <= 44


def test_the_index_is_the_same_scanned_as_stored():
    data = stream(gops(50))
    stored = StreamReader(io.BytesIO(data)).index
    for damaged in (data[:-1], data[:-12], data[:-16], data[:-4] + bytes(4)):
        assert StreamReader(io.BytesIO(damaged)).index == stored
    assert [entry.first_frame for entry in stored] == [0, 1, 9, 17, 25]


def test_a_stream_that_lost_its_index_alone_is_whole():
    data = stream(gops(50))
    body = sum(entry.size for entry in StreamReader(io.BytesIO(data)).index)
    body += len(HEADER.to_bytes())
    for end in range(body, len(data)):
        assert read(data[:end]) == gops(50)
