import io
from fractions import Fraction

import numpy as np
import pytest
from tiny import tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat

pytestmark = pytest.mark.usefixtures("optimised")  # as users have it


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(1))


def moving(count, size=(34, 50), dtype=np.uint8, peak=255):
    rng = np.random.default_rng(0)
    picture = np.cumsum(rng.normal(0, 0.02, (*size, 3)), 1) + 0.5
    frames = np.stack([np.roll(picture, t, 1) for t in range(count)])
    return (frames.clip(0, 1) * peak).astype(dtype)


def encode(codec, frames, **options):
    """The stream, and what the encoder says it decodes to."""
    seen, file = {}, io.BytesIO()
    height, width = frames.shape[1:3]
    depth = 8 if frames.dtype == np.uint8 else 10
    format = VideoFormat(width, height, Fraction(30), "709", False, depth, "420")
    codec.encode_stream(frames, format, file, on_frame=seen.__setitem__, **options)
    assert list(seen) == list(range(len(frames)))
    return file.getvalue(), np.stack(list(seen.values()))


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (1, {}),
        (2, {}),
        pytest.param(10, {"gop": 4}, marks=pytest.mark.heavy),
        (10, {"gop": 4, "keyint": 8}),
        pytest.param(10, {"gop": 4, "b_frames": "kernel"}, marks=pytest.mark.heavy),
        (4, {"gop": 1}),
        (4, {"gop": 1, "keyint": 32}),
        (9, {"gop": "auto"}),
        pytest.param(10, {"gop": 4, "effort": 1}, marks=pytest.mark.slow),
        pytest.param(9, {"gop": "auto", "effort": 2}, marks=pytest.mark.slow),
    ],
)
def test_the_decoder_gives_exactly_what_the_encoder_saw(codec, count, options):
    data, seen = encode(codec, moving(count), **options)
    np.testing.assert_array_equal(codec.decode(data), seen)


@pytest.mark.heavy
def test_ten_bit_frames_stay_ten_bit(codec):
    data, seen = encode(codec, moving(3, dtype=np.uint16, peak=1023), gop=2)
    decoded = codec.decode(data)
    assert decoded.dtype == np.uint16 and decoded.max() <= 1023
    np.testing.assert_array_equal(decoded, seen)


@pytest.mark.parametrize("size", [(16, 16), (17, 33)])
def test_any_size_comes_back_as_it_was(codec, size):
    frames = moving(2, size)
    assert codec.decode(codec.encode(frames)).shape == frames.shape


@pytest.mark.parametrize(("start", "count"), [(0, 1), (3, 4), (4, 1), (5, None), (9, 1)])
def test_a_seek_gives_the_frames_of_a_whole_decoding(codec, start, count):
    data, seen = encode(codec, moving(10), gop=4)
    found = codec.decode(data, start=start, frames=count)
    np.testing.assert_array_equal(found, seen[start : None if count is None else start + count])


def test_a_seek_reads_only_the_groups_it_needs(codec, monkeypatch):
    data, _ = encode(codec, moving(10), gop=2, keyint=2)
    read = []
    record = StreamReader.record
    monkeypatch.setattr(StreamReader, "record", lambda s, n: read.append(n) or record(s, n))
    codec.decode(data, start=7, frames=1)
    assert read == [3, 4]


@pytest.mark.slow
def test_the_tables_price_is_the_files_size(codec):
    frames = np.random.default_rng(5).integers(0, 256, (5, 96, 128, 3)).astype(np.uint8)
    file = io.BytesIO()
    format = VideoFormat(128, 96, Fraction(30), "709", False, 8, "420")
    summary = codec.encode_stream(frames, format, file, 100, gop=4)
    assert summary.bytes == len(file.getvalue()) > 1000
    overhead = summary.bytes - summary.estimated_bits / 8
    assert 0 < overhead < 64 + 16 * 2


def test_a_scene_cut_starts_a_group(codec):
    frames = moving(12)
    frames[5:] = 255 - frames[5:] // 2
    data, _ = encode(codec, frames, gop="auto")
    last = {r.first_frame + r.frames - 1 for r in StreamReader(io.BytesIO(data))}
    assert 5 in last  # its I-frame


def test_streams_of_another_model_are_refused(codec):
    data = codec.encode(moving(1))
    with pytest.raises(InputError, match="pass the right one with --checkpoint"):
        Codec(tiny_inference(2)).decode(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 101}, "quality 101: must be from 0 to 100"),
        ({"gop": 33}, "gop 33: must be from 1 to 32"),
        ({"effort": -1}, "effort -1: must be 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(codec, options, message):
    with pytest.raises(InputError, match=message):
        codec.encode(moving(1), **options)


def test_no_frames_are_refused(codec):
    with pytest.raises(InputError, match="no frames"):
        codec.encode(np.zeros((0, 16, 16, 3), np.uint8))
