import io
import sys
from types import SimpleNamespace

import av
import numpy as np
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video

KINDS = ["a.y4m", "a.yuv", "a.mp4", "a.mkv", "frames"]


def write(path, format, frames, **options):
    with create_video(path, format, **options) as writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("size", [(32, 16), (33, 17), (416, 240)])
@pytest.mark.parametrize(("name", "bit_depth"), [("a.mp4", 8), ("a.mkv", 8), ("a.mkv", 10)])
def test_encoded_frames_come_back_to_the_bit(tmp_path, format_of, noise, name, bit_depth, size):
    width, height = size
    format = format_of(width=width, height=height, bit_depth=bit_depth)
    frames = noise(format)
    write(tmp_path / name, format, frames)
    with open_video(tmp_path / name) as reader:
        assert abs(reader.format.rate - format.rate) < 0.01
        found = list(reader)
    assert len(found) == len(frames) and all(map(np.array_equal, found, frames))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_lossless_files_tell_players_that_they_are_rgb(tmp_path, format_of, noise, name):
    format = format_of()
    write(tmp_path / name, format, noise(format))
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (0, 2)


@pytest.mark.parametrize(
    ("size", "bit_depth", "stored"),
    [((416, 240), 8, "yuv420p"), ((416, 240), 10, "yuv420p10le"), ((33, 17), 8, "yuv444p")],
)
def test_lossy_files_are_plain_and_near(tmp_path, clip, format_of, size, bit_depth, stored):
    width, height = size
    format = format_of(width=width, height=height, bit_depth=bit_depth, matrix="601")
    with open_video(clip, frames=2) as reader:
        frames = [frame[:height, :width] for frame in reader]
    if bit_depth == 10:
        frames = [frame.astype(np.uint16) << 2 for frame in frames]
    write(tmp_path / "a.mp4", format, frames, lossless=False)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == stored
    with open_video(tmp_path / "a.mp4") as reader:
        assert (reader.format.matrix, reader.format.full_range) == ("601", False)
        for found, frame in zip(reader, frames, strict=True):
            error = np.mean((found.astype(float) - frame) ** 2) / format.peak**2
            assert -10 * np.log10(error) > 35


def test_ten_bits_do_not_go_into_mp4_without_loss(tmp_path, format_of):
    with (
        pytest.raises(InputError, match=r"a\.mp4: .*write \.mkv"),
        create_video(tmp_path / "a.mp4", format_of(bit_depth=10)),
    ):
        pass


def test_stdout_is_y4m(monkeypatch, tmp_path, format_of, noise):
    format, stdout = format_of(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stdout))
    write("-", format, noise(format))
    write(tmp_path / "a.y4m", format, noise(format))
    assert stdout.getvalue() == (tmp_path / "a.y4m").read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_under_the_name_until_it_is_whole(tmp_path, format_of, noise, name):
    format, path = format_of(), tmp_path / name
    with create_video(path, format) as writer:
        writer.write(noise(format)[0])
        assert not path.exists()
    assert path.exists() and [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", KINDS)
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path, format_of, noise, name):
    format, path = format_of(), tmp_path / name
    write(path, format, noise(format))
    before = [path.read_bytes() if path.is_file() else sorted(path.iterdir())]

    def damaged():
        yield noise(format)[0]
        raise InputError("stream: damaged")

    with pytest.raises(InputError, match="^stream: damaged$"):
        write(path, format, damaged(), overwrite=True)
    assert before == [path.read_bytes() if path.is_file() else sorted(path.iterdir())]
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", KINDS)
def test_what_exists_is_overwritten_only_on_request(tmp_path, format_of, noise, name):
    format, path = format_of(), tmp_path / name
    write(path, format, noise(format))
    with pytest.raises(InputError, match=f"{name}: exists already; pass -y"):
        write(path, format, noise(format))
    write(path, format, noise(format), overwrite=True)


@pytest.mark.parametrize("name", KINDS)
def test_a_disk_that_is_full_is_one_line(tmp_path, format_of, noise, name):
    format, path = format_of(width=128, height=128), tmp_path / name
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(InputError) as error:
            write(path, format, noise(format, 8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == f"{path}: cannot write it (File too large)"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", KINDS)
def test_a_place_that_is_not_there_is_named(tmp_path, format_of, name):
    path = tmp_path / "nowhere" / name
    with pytest.raises(InputError, match="cannot write there"), create_video(path, format_of()):
        pass


def test_other_kinds_are_refused_with_those_that_are_written(tmp_path, format_of):
    with (
        pytest.raises(InputError, match=r"a\.avi: unknown kind of output; write \.y4m"),
        create_video(tmp_path / "a.avi", format_of()),
    ):
        pass
