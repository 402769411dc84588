"""Damage and malice: nothing that a container holds passes unnoticed."""

import dataclasses
import io
import re
import zlib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbvc_jax.coding.container import GopRecord, Header, StreamReader, StreamWriter
from kbvc_jax.coding.header import FIELDS, VERSION
from kbvc_jax.coding.salvage import Lost, salvage
from kbvc_jax.coding.wire import crc32
from kbvc_jax.runtime.errors import InputError
from tests.coding.written import CURRENT, HEADER, Pipe, gops, headed, read, stream, write


def test_a_cut_stream_gives_its_whole_records_then_an_input_error():
    data, records = stream(gops(50)), gops(50)
    index = StreamReader(io.BytesIO(data)).index
    for end in range(len(HEADER.to_bytes()), index[-1].offset + index[-1].size):
        whole = [entry for entry in index if entry.offset + entry.size <= end]
        reader = StreamReader(io.BytesIO(data[:end]))
        found = iter(reader)
        assert [next(found) for _ in whole] == records[: len(whole)]
        with pytest.raises(InputError, match="cut off"):
            next(found)
        assert reader.index == whole


def test_a_pipe_that_ends_without_an_index_is_cut_off():
    pipe = Pipe()
    write(pipe, gops(50))
    index = StreamReader(io.BytesIO(bytes(pipe.data))).index
    end = index[-1].offset + index[-1].size
    for cut in range(end, len(pipe.data)):
        with pytest.raises(InputError, match="cut off after 33 frames"):
            list(StreamReader(Pipe(bytes(pipe.data[:cut]))))


def test_a_cut_header_is_an_input_error():
    for end in range(len(HEADER.to_bytes())):
        with pytest.raises(InputError, match="cut off within the header"):
            read(stream(gops(5))[:end])


def test_no_flipped_bit_passes_unnoticed():
    data = stream(gops(5))
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError):
            read(bytes(damaged))


def test_seeking_in_a_damaged_stream_gives_true_records_or_an_input_error():
    data, records = stream(gops(5)), gops(5)
    for bit in range(8 * len(HEADER.to_bytes()), 8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        reader, found = StreamReader(io.BytesIO(bytes(damaged))), 0
        for number, record in enumerate(records):
            try:
                assert reader.record(number) == record
                found += 1
            except InputError:
                pass
        # Only the record that was hit is lost: either it or the index is whole.
        assert found >= len(records) - 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for candidate in (data, CURRENT + data, HEADER.to_bytes() + data):
        try:
            reader = StreamReader(io.BytesIO(candidate))
            assert isinstance(reader.index, list)
            assert isinstance(list(reader), list)
        except InputError:
            pass


@given(st.binary(min_size=20, max_size=30))
def test_headers_with_a_true_check_sum_are_read_or_refused(fields):
    """Someone may forge one: ranges count, too."""
    data = CURRENT + fields
    data += zlib.crc32(data).to_bytes(4, "little")
    try:
        header = StreamReader(io.BytesIO(data)).header
    except InputError:
        return
    assert 16 <= header.width <= 8192
    assert 16 <= header.height <= 8192


@given(st.integers(0, 255), st.binary(max_size=30))
def test_records_with_a_true_check_sum_are_read_or_refused(tag, body):
    record = bytes([tag]) + body
    data = HEADER.to_bytes() + record + crc32(record, HEADER.identity)
    with pytest.raises(InputError):
        read(data)


def test_what_follows_the_end_is_an_input_error():
    for garbage in (b"\0", b"KBVC", stream(gops(5))):
        with pytest.raises(InputError, match="bytes follow the end"):
            read(stream(gops(5)) + garbage)


def test_other_files_and_versions_are_named():
    with pytest.raises(InputError, match="not a .kbvc stream"):
        read(b"YUV4MPEG2 W416 H240")
    with pytest.raises(InputError, match=f"version 3; this program reads version {VERSION}"):
        read(b"KBVC\x03" + bytes(40))
    with pytest.raises(InputError, match="cut off within the header"):
        read(b"")


def test_a_stream_without_frames_is_an_input_error():
    with pytest.raises(InputError, match="0 frames"):
        read(stream([]))


def test_a_header_that_promises_other_frames_is_an_input_error():
    data = stream(gops(5))
    with pytest.raises(InputError, match="33 frames, but the header promises 34"):
        read(headed(data, frame_count=34))


def test_of_a_pipe_that_was_cut_the_last_group_is_lost():
    """Its header promises nothing: what the damaged record says of itself tells."""
    data = headed(stream(gops(50)), frame_count=0)
    last = StreamReader(io.BytesIO(data)).index[-1]
    parts = list(salvage(StreamReader(io.BytesIO(data[: last.offset + 20]))))
    assert parts == [*gops(50)[:-1], Lost(25, 8)]


def test_displaced_records_are_salvaged_to_their_places():
    data = stream(gops(50))
    a, b, c = (entry.offset for entry in StreamReader(io.BytesIO(data)).index[1:4])
    swapped = data[:a] + data[b:c] + data[a:b] + data[c:-1]
    assert list(salvage(StreamReader(io.BytesIO(swapped)))) == gops(50)


def test_records_stand_in_their_own_place_and_stream():
    """Displaced or of another stream they are whole: only what they say of themselves tells."""
    whole, another = stream(gops(5)), dataclasses.replace(gops(5)[0], payload=b"other")
    other = stream([another, *gops(5)[1:]])
    ends = [entry.offset for entry in StreamReader(io.BytesIO(whole)).index]
    head, first, second, *_ = (whole[a:b] for a, b in zip([0, *ends], ends, strict=False))
    with pytest.raises(InputError, match="record of frame 0: frame 1's stands in its place"):
        read(head + second)
    with pytest.raises(InputError, match="record of frame 1: frame 0's stands in its place"):
        read(head + first + first)
    with pytest.raises(InputError, match="damaged record of frame 1: its check sum"):
        read(whole[: ends[1]] + other[ends[1] :])


def test_records_beyond_the_last_are_an_input_error():
    with pytest.raises(InputError, match="no record 5: the stream has 5"):
        StreamReader(io.BytesIO(stream(gops(5)))).record(5)


def test_records_must_follow_each_other():
    writer = StreamWriter(io.BytesIO(), HEADER)
    with pytest.raises(ValueError, match="where 0 is next"):
        writer.write(gops(5)[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 15}, "width 15: must be from 16 to 8192"),
        ({"height": 8193}, "height 8193: must be from 16 to 8192"),
        ({"rate": Fraction(0)}, "rate numerator 0: must be from 1"),
        ({"matrix": "240"}, "matrix 240: must be one of 601, 709, 2020"),
        ({"bit_depth": 12}, "bit depth 12: must be one of 8, 10"),
        ({"chroma": "411"}, "chroma 411: must be one of"),
        ({"gop": 33}, "gop 33: must be from 0 to 32"),
        ({"quality": 25601}, "quality 25601: must be from 0 to 25600"),
        ({"fingerprint": b"short"}, "must have 8 bytes"),
    ],
)
def test_header_fields_have_ranges(change, message):
    with pytest.raises(InputError, match=message):
        Header(**{**vars(HEADER), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 0, "level_offsets": ()},
        {"frames": 64, "level_offsets": (0,) * 6},
        {"first_frame": 0},
        {"codecs": (1,)},
        {"codecs": (0, 1, 1, 16)},
        {"level_offsets": (0, 0)},
        {"level_offsets": (0, 0, 128)},
        {"quality": 25601},
    ],
)
def test_record_fields_have_ranges(change):
    with pytest.raises(InputError, match="must be"):
        GopRecord(**{**vars(gops(5)[1]), **change})


def test_nothing_predicts_the_frame_that_opens_a_stream():
    with pytest.raises(InputError, match="opens a stream"):
        GopRecord(0, 1, 0, (), (2,), b"")


@pytest.mark.parametrize(("place", "bit"), [(0, 0x40), (3, 0x10)])
def test_bits_that_say_nothing_yet_are_0(place, bit):
    record = dataclasses.replace(gops(5)[1], frames=3, level_offsets=(0, 0), codecs=(2, 1, 1))
    data = bytearray(record.to_bytes(HEADER))
    assert data[2:4] == bytes([0x12, 0x01])
    data[place] |= bit
    data[-4:] = crc32(bytes(data[:-4]), HEADER.identity)
    with pytest.raises(InputError, match="reserved bits are not 0"):
        read(HEADER.to_bytes() + gops(5)[0].to_bytes(HEADER) + bytes(data))


def test_the_document_lists_every_header_field_at_its_place():
    document = (Path(__file__).parents[2] / "docs" / "bitstream.md").read_text()
    rows = re.findall(r"^\| (\d+) \| u(\d+) \| (?:number of )?(\w+)", document, re.MULTILINE)
    offset, expected = 5, [("4", "8", "version")]
    for field in FIELDS:
        if field.width:
            name = field.name.removesuffix("_count") + "s" * field.name.endswith("_count")
            expected.append((str(offset), str(8 * field.width), name))
            offset += field.width
    assert rows == [(o, bits, "GoP" if name == "gop" else name) for o, bits, name in expected]
    assert re.search(rf"^\| {offset} \| varint \| frame rate", document, re.MULTILINE)
