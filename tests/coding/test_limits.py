"""Streams that promise too much are refused where they promise it."""

import dataclasses
import io
import tracemalloc

import pytest

from kbvc_jax.cli.main import main
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.coding.index import IndexBuilder
from kbvc_jax.coding.limits import Limits
from kbvc_jax.coding.salvage import salvage
from kbvc_jax.coding.wire import crc32, varint
from kbvc_jax.runtime.errors import InputError
from tests.coding.written import HEADER, Pipe, gops, headed, stream

LARGE = dataclasses.replace(HEADER, width=8192, height=8192, frame_count=33)
LONG = dataclasses.replace(HEADER, frame_count=2**32 - 1)


def reader(data: bytes, **limits) -> StreamReader:
    return StreamReader(io.BytesIO(data), Limits(**limits))


@pytest.mark.parametrize(("header", "option"), [(LARGE, "pixels"), (LONG, "frames")])
def test_a_header_beyond_the_limits_is_refused_with_the_option_that_raises_them(header, option):
    with pytest.raises(InputError, match=f"--max-{option}"):
        reader(header.to_bytes())
    reader(header.to_bytes(), **{option: 2**32})


def test_records_beyond_the_limit_are_refused_where_they_are_read():
    unknown = Pipe(headed(stream(gops(5)), frame_count=0))
    found = iter(StreamReader(unknown, Limits(frames=20)))
    assert [next(found).first_frame for _ in range(3)] == [0, 1, 9]
    with pytest.raises(InputError, match="25 frames or more; at most 20 .* --max-frames"):
        next(found)


def test_an_index_beyond_the_limit_is_refused_before_the_first_record():
    data = headed(stream(gops(5)), frame_count=0)
    with pytest.raises(InputError, match="--max-frames"):
        next(iter(reader(data, frames=32)))
    for use in (lambda r: r.record(0), lambda r: r.frame_count):
        with pytest.raises(InputError, match="--max-frames"):
            use(reader(data, frames=32))
        with pytest.raises(InputError, match="--max-frames"):
            use(reader(data[:-1], frames=32))
    with pytest.raises(InputError, match="--max-frames"):
        next(salvage(reader(data, frames=32)))
    assert next(salvage(reader(data, frames=33))).first_frame == 0


def test_lengths_beyond_the_file_allocate_nothing():
    """Of a payload, of an index."""
    record = bytes([1, 0, 0]) + varint(2**32) + b"payload"
    index = bytes(1) + b"entries" + (2**32 - 1).to_bytes(4, "little")
    for body in (record, index + crc32(index)):
        tracemalloc.start()
        with pytest.raises(InputError):
            list(reader(HEADER.to_bytes() + body))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**18


def test_records_of_no_bytes_cannot_stand_in_an_index():
    index = IndexBuilder()
    for _ in range(1000):
        index.add(0, 63)
    data = HEADER.to_bytes() + index.to_bytes()
    with pytest.raises(InputError):
        list(reader(data))
    with pytest.raises(InputError):
        list(salvage(reader(data, frames=999)))


@pytest.mark.parametrize(("header", "option"), [(LARGE, "--max-pixels"), (LONG, "--max-frames")])
def test_decode_names_its_option_in_one_line(header, option, tmp_path, capsys):
    path = tmp_path / "a.kbvc"
    path.write_bytes(headed(stream(gops(5), header), frame_count=header.frame_count))
    assert main(["decode", str(path), str(tmp_path / "out"), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"kbvc: {path}: ") and option in error and error.count("\n") == 1


def test_info_shows_what_decode_refuses(tmp_path, capsys):
    path = tmp_path / "a.kbvc"
    path.write_bytes(stream(gops(5), LARGE))
    assert main(["info", str(path)]) == 0
    assert "8192x8192, 33 frames" in capsys.readouterr().out
