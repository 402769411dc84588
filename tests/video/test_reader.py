import io
import os
import sys
import threading
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.overlap import AHEAD
from kbvc_jax.video import y4m
from kbvc_jax.video.colour import rgb_from_yuv, yuv_from_rgb
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video


def y4m_bytes(format, frames):
    file = io.BytesIO()
    file.write(y4m.header(format))
    for frame in frames:
        y4m.write_frame(file, yuv_from_rgb(frame, format), format)
    return file.getvalue()


@pytest.fixture
def give_stdin(monkeypatch):
    def give(data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return give


def test_rgb_is_what_the_planes_say(clip):
    with open_video(clip, frames=2) as rgb, open_video(clip, frames=2) as yuv:
        for frame, planes in zip(rgb, yuv.yuv_frames(), strict=True):
            assert frame.dtype == np.uint8 and frame.shape == (240, 416, 3)
            assert np.array_equal(frame, rgb_from_yuv(planes, yuv.format))


def test_only_the_frames_wanted_are_read(clip):
    for wanted, found in ((5, 5), (100, 33)):
        with open_video(clip, frames=wanted) as reader:
            assert reader.count == found == sum(1 for _ in reader)


def test_stdin_is_y4m(give_stdin, format_of, noise):
    format = format_of()
    give_stdin(y4m_bytes(format, noise(format)))
    with open_video("-") as reader:
        assert reader.format == format and reader.count is None
        assert sum(1 for _ in reader) == 3


def test_stdin_of_a_stated_size_is_yuv(give_stdin):
    give_stdin(bytes(16 * 16 * 3 // 2 * 2))
    with open_video("-", size=(16, 16)) as reader:
        assert sum(1 for _ in reader) == 2


def test_a_named_pipe_is_read_as_it_comes(tmp_path, format_of, noise):
    path, format = tmp_path / "pipe.y4m", format_of()
    os.mkfifo(path)
    data = y4m_bytes(format, noise(format))
    feeder = threading.Thread(target=lambda: path.write_bytes(data))
    feeder.start()
    with open_video(path) as reader:
        assert sum(1 for _ in reader) == 3
    feeder.join()


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path, format_of, noise):
    format = format_of(width=64, height=64)
    (frame,) = noise(format, 1)
    peaks = []
    for count in (40, 320):
        tracemalloc.start()
        with create_video(tmp_path / f"{count}.y4m", format) as writer:
            for _ in range(count):
                writer.write(frame)
        with open_video(tmp_path / f"{count}.y4m") as reader:
            assert sum(1 for _ in reader) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Between none and AHEAD frames wait, as threads take turns, and one is being read.
    assert peaks[1] < peaks[0] + (AHEAD + 1) * frame.nbytes


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.y4m", "a.png", "folder"])
@pytest.mark.parametrize("content", [None, b"", b"no video at all, only words"])
def test_what_is_no_video_is_one_line_that_names_it(tmp_path, name, content):
    path = tmp_path / name
    if content is not None and path.suffix:
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    with pytest.raises(InputError) as error, open_video(path) as reader:
        list(reader)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and message.count(str(path)) == 1
    assert "\n" not in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.mp4", "a.y4m"])
def test_what_may_not_be_read_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"secret")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot read it"):
        open_video(path)


def test_no_frames_wanted_is_refused(clip):
    with pytest.raises(InputError, match="at least 1"):
        open_video(clip, frames=0)


@pytest.mark.parametrize("size", [(8, 16), (16, 15), (8193, 16), (16, 4321)])
def test_sizes_beyond_the_codecs_are_refused(give_stdin, size):
    give_stdin(bytes(100))
    with pytest.raises(InputError, match="from 16x16 to 8192x4320"):
        open_video("-", size=size)
