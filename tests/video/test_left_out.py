"""What files lose, as FFmpeg's libraries write them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from kbvc_jax.video.reader import open_video

RATE = 25


def store(path, times=range(0, 200, 40), options=None, sound=False, codec="libx264", **tags):
    """Frames at `times`, in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        heard = container.add_stream("pcm_s16le", rate=8000) if sound else None
        for time in times:
            frame = VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            silence.sample_rate = 8000
            container.mux(heard.encode(silence))
    return path


def left_out(path):
    with open_video(path) as reader:
        at_first = list(reader.left_out)
        assert sum(1 for _ in reader)
        return at_first, list(reader.left_out)


def test_of_frames_alone_nothing_is_left_out(tmp_path, clip):
    assert left_out(clip) == ([], [])
    assert left_out(store(tmp_path / "a.mkv")) == ([], [])


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        ({"sound": True}, "sound"),
        ({"options": {"x264-params": "tff=1"}}, "fields of interlaced frames"),
        ({"sample_aspect_ratio": Fraction(16, 15)}, "pixels of shape 16:15"),
        ({"color_trc": 16}, "brightness as PQ (HDR)"),
        ({"color_trc": 18}, "brightness as HLG (HDR)"),
    ],
)
def test_what_has_no_place_is_known_at_once(tmp_path, stored, what):
    assert left_out(store(tmp_path / "a.mkv", **stored)) == ([what], [what])


def test_a_picture_that_lies_on_its_side_is_told(tmp_path):
    """mp4's display matrix, which PyAV reads and does not write: here by hand."""
    whole = store(tmp_path / "a.mp4").read_bytes()
    header = whole.index(b"tkhd")  # version and flags, five fields of 32 bits, 16 bytes, the matrix
    matrix = header + 4 + 4 + 20 + 16
    turned = (np.array([0, 1, 0, -1, 0, 0, 0, 0]) * 2**16).astype(">i4").tobytes()
    (tmp_path / "b.mp4").write_bytes(whole[:matrix] + turned + whole[matrix + len(turned) :])
    assert left_out(tmp_path / "b.mp4")[0] == ["a turn by 90 degrees"]


@pytest.mark.parametrize(
    ("times", "uneven"),
    [
        ([0, 40, 80, 120], False),
        ([700, 740, 780], False),  # a late start
        ([0, 55, 75, 130], False),  # no frame is a whole one late
        ([0, 40, 200, 240], True),
    ],
)
def test_uneven_times_are_known_once_they_are_read(tmp_path, times, uneven):
    expected = ["uneven times of its frames"] if uneven else []
    assert left_out(store(tmp_path / "a.mkv", times, codec="ffv1")) == ([], expected)
