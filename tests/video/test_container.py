"""Files as FFmpeg's libraries write them."""

import contextlib
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.container import plane_rows
from kbvc_jax.video.reader import open_video

LIMITED, FULL = 1, 2


def store(path, codec, pixel_format, frames, options=None, colorspace=2, color_range=0):
    """Lossless, from pictures that hold the samples."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt, stream.options = pixel_format, options or {}
        stream.codec_context.colorspace = colorspace
        stream.codec_context.color_range = color_range
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures_of(planes, format, name):
    picture = VideoFrame(format.width, format.height, name)
    for plane, samples in zip(picture.planes, planes, strict=True):
        rows, columns = samples.shape
        plane_rows(plane, format)[:rows, :columns] = samples
    return [picture]


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("chroma", ["420", "422", "444", "400"])
def test_samples_are_the_files_own(tmp_path, format_of, noise, chroma, bit_depth):
    format = format_of(width=37, height=19, chroma=chroma, bit_depth=bit_depth)
    name = "gray" if chroma == "400" else f"yuv{chroma}p"
    name += "10le" if bit_depth == 10 else ""
    planes = yuv_from_rgb(noise(format)[0], format)
    store(tmp_path / "a.mkv", "ffv1", name, pictures_of(planes, format, name))
    with open_video(tmp_path / "a.mkv") as reader:
        assert (reader.format.chroma, reader.format.bit_depth) == (chroma, bit_depth)
        (found,) = reader.yuv_frames()
    assert all(map(np.array_equal, found, planes))


@pytest.mark.parametrize(
    ("stored", "chroma", "bit_depth"),
    [
        ("yuv440p", "444", 8),
        ("yuv411p", "422", 8),
        ("yuv410p", "420", 8),
        ("yuva444p", "444", 8),
        ("yuv422p12le", "422", 10),
        ("gray12le", "400", 10),
        ("gbrp10le", "444", 10),
        ("gbrp12le", "444", 10),
    ],
)
def test_other_samples_become_the_nearest_that_are_read(
    tmp_path, format_of, stored, chroma, bit_depth
):
    format = format_of(width=64, height=48)
    grey = np.full((48, 64, 3), 128, np.uint8)
    picture = VideoFrame.from_ndarray(grey, format="rgb24").reformat(format=stored)
    store(tmp_path / "a.mkv", "ffv1", stored, [picture])
    with open_video(tmp_path / "a.mkv") as reader:
        assert (reader.format.chroma, reader.format.bit_depth) == (chroma, bit_depth)
        (frame,) = reader
    assert frame.shape == (format.height, format.width, 3)
    assert np.abs(frame / (255 if bit_depth == 8 else 1023) - 128 / 255).max() < 0.02


def test_the_clip_is_described_by_its_tags(clip):
    with open_video(clip) as reader:
        format = reader.format
        assert (format.width, format.height, format.rate) == (416, 240, Fraction(25))
        assert (format.matrix, format.full_range, format.siting) == ("709", False, "left")
        assert reader.count == reader.expected == 33 == sum(1 for _ in reader)


@pytest.mark.parametrize(("limit", "expected"), [(None, 12), (5, 5)])
def test_a_file_that_does_not_count_its_frames_has_a_length(tmp_path, limit, expected):
    store(tmp_path / "a.mkv", "ffv1", "yuv420p", [VideoFrame(32, 32, "yuv420p") for _ in range(12)])
    with open_video(tmp_path / "a.mkv", frames=limit) as reader:
        assert (reader.count, reader.expected) == (None, expected)


@pytest.mark.parametrize(
    ("colorspace", "color_range", "matrix", "full_range"),
    [
        (2, 0, "709", False),
        (1, LIMITED, "709", False),
        (5, FULL, "601", True),
        (6, LIMITED, "601", False),
        (9, FULL, "2020", True),
    ],
)
def test_tags_win_unless_told_otherwise(tmp_path, colorspace, color_range, matrix, full_range):
    path, picture = tmp_path / "a.mp4", VideoFrame(32, 32, "yuv420p")
    store(path, "libx264", "yuv420p", [picture], None, colorspace, color_range)
    with open_video(path) as reader:
        assert (reader.format.matrix, reader.format.full_range) == (matrix, full_range)
    with open_video(path, matrix="601", full_range=True) as reader:
        assert (reader.format.matrix, reader.format.full_range) == ("601", True)


def test_matrices_that_are_not_known_are_not_guessed(tmp_path):
    path = tmp_path / "a.mp4"
    store(path, "libx264", "yuv420p", [VideoFrame(32, 32, "yuv420p")], None, 7)
    with pytest.raises(InputError, match="colour matrix .*--matrix"):
        open_video(path)
    assert open_video(path, matrix="709").format.matrix == "709"


@pytest.mark.parametrize(("tag", "siting"), [(0, "left"), (1, "centre"), (2, "topleft")])
def test_chroma_sits_where_the_file_says(tmp_path, tag, siting):
    path, options = tmp_path / "a.mp4", {"x264-params": f"chromaloc={tag}"}
    store(path, "libx264", "yuv420p", [VideoFrame(32, 32, "yuv420p")], options)
    with open_video(path) as reader:
        assert reader.format.siting == siting


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_cut_off_is_not_taken_for_a_short_one(tmp_path, clip, suffix):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    with (
        av.open(str(clip)) as source,
        av.open(
            str(whole), "w", options={"movflags": "faststart"} if suffix == ".mp4" else {}
        ) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with open_video(whole) as reader:
        assert sum(1 for _ in reader.yuv_frames()) == 33
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    found = []
    with open_video(cut) as reader, pytest.raises(InputError) as error:
        found.extend(reader.yuv_frames())
    count = len(found)
    assert str(error.value).startswith(f"{cut}: damaged or cut off after {count} frames")
    with open_video(cut, frames=count) as reader:  # the cure it names
        assert sum(1 for _ in reader.yuv_frames()) == count > 5


def test_frames_of_another_size_are_refused(tmp_path):
    path = tmp_path / "a.h264"
    with path.open("wb") as file:
        for size in (32, 64):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width = encoder.height = size
            encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
            picture = VideoFrame(size, size, "yuv420p")
            for packet in [*encoder.encode(picture), *encoder.encode(None)]:
                file.write(bytes(packet))
    with pytest.raises(InputError, match="change size, from 32x32 to 64x64"):
        list(open_video(path))


def test_sound_alone_is_no_video(tmp_path):
    with contextlib.closing(av.open(str(tmp_path / "a.wav"), "w")) as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
    with pytest.raises(InputError, match="no video stream"):
        open_video(tmp_path / "a.wav")
