"""Frames to the bytes of a record, with PyAV."""

import io
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from etils import epath
from jaxtyping import UInt8

from kbvc_jax.data.decode import BrokenError
from kbvc_jax.data.records import encode_jpegs

ENCODERS = {"h264": "libx264", "hevc": "libx265"}
RATE = 25  # a record tells no time; the file has to name some


class Fit(NamedTuple):
    """Brings frames to one size (width, height): scaled to cover it, the rest cropped evenly."""

    size: tuple[int, int] | None
    even: bool  # 4:2:0 has no odd sizes

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        step = 2 if self.even else 1
        width, height = (n // step * step for n in self.size or (frame.width, frame.height))
        if (width, height) == (frame.width, frame.height):
            return frame
        scale = max(width / frame.width, height / frame.height) if self.size else 1
        cover = math.ceil(frame.width * scale - 1e-6), math.ceil(frame.height * scale - 1e-6)
        scaled = frame.reformat(*cover, format="rgb24", interpolation=Interpolation.LANCZOS)
        top, left = (cover[1] - height) // 2, (cover[0] - width) // 2
        rgb = scaled.to_ndarray()[top : top + height, left : left + width]
        return picture_frame(np.ascontiguousarray(rgb))


def picture_frame(picture: UInt8[np.ndarray, "H W 3"]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="rgb24")


def video_frames(path: str) -> Iterator[av.VideoFrame]:
    try:
        with epath.Path(path).open("rb") as file, av.open(file, "r") as container:
            yield from container.decode(video=0)
    except (OSError, ValueError, IndexError) as error:  # PyAV's errors are both of these
        raise BrokenError(f"{path}: {error}") from error


def encode(frames: Sequence[av.VideoFrame], codec: str, quality: int) -> bytes:
    if codec in ENCODERS:
        return _encode_video(frames, ENCODERS[codec], quality)
    pictures = [frame.to_ndarray(format="rgb24") for frame in frames]
    if codec == "raw":
        return b"".join(picture.tobytes() for picture in pictures)
    return encode_jpegs(pictures, quality)


def _encode_video(frames: Sequence[av.VideoFrame], encoder: str, crf: int) -> bytes:
    """One GoP: a record is read from its beginning anyway."""
    with av.open(file := io.BytesIO(), "w", format="mp4") as container:
        quiet = {"x265-params": "log-level=error"} if encoder == "libx265" else {}
        stream = container.add_stream(encoder, RATE, options={"crf": str(crf), **quiet})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt, stream.gop_size = "yuv420p", len(frames)
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        for number, frame in enumerate(frames):
            frame = frame.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
