"""Encoded files: H.264 and FFV1.

Lossless is RGB, so that decoding gives the frames back to the bit: H.264 High 4:4:4 for 8 bits,
which VLC, mpv, FFmpeg and Chromium play; FFV1 for 10, since H.264 has no RGB of 10 bits.
Lossy is H.264 4:2:0 without visible loss, which everything plays.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes, yuv_from_rgb
from kbvc_jax.video.container import plane_rows
from kbvc_jax.video.format import VideoFormat

Frame = UInt[np.ndarray, "h w 3"]
_MUXERS = {".mp4": "mp4", ".mkv": "matroska"}
SUFFIXES = tuple(_MUXERS)
# H.273's numbers: the matrix, and the primaries and transfer that go with it.
_TAGS = {"601": (6, 6, 6), "709": (1, 1, 1), "2020": (9, 9, 14)}
_RGB, _LIMITED, _FULL = 0, 1, 2


def check_encodable(suffix: str, format: VideoFormat, lossless: bool) -> None:
    if suffix == ".mp4" and lossless and format.bit_depth > 8:
        raise InputError(".mp4 takes 8 bits without loss and the video has 10; write .mkv")


@contextlib.contextmanager
def encoded_video(
    file: BinaryIO, suffix: str, format: VideoFormat, lossless: bool
) -> Iterator[Callable[[Frame], None]]:
    """Gives the function that adds a frame."""
    try:
        with av.open(file, "w", format=_MUXERS[suffix]) as container:
            if lossless:
                stream, picture = _lossless(container, format)
            else:
                stream, picture = _lossy(container, format)
            yield lambda frame: container.mux(stream.encode(picture(frame)))
            container.mux(stream.encode(None))
    except FFmpegError as error:
        # Closing fails again where writing has failed; the first failure says why.
        first = error.__context__ if isinstance(error.__context__, OSError) else error
        raise OSError(first.errno, first.strerror) from None  # as of any other file


def _lossless(container, format: VideoFormat) -> tuple[VideoStream, Callable[[Frame], VideoFrame]]:
    deep = format.bit_depth > 8
    stream = container.add_stream("ffv1" if deep else "libx264rgb", rate=format.rate)
    if not deep:
        stream.options = {"qp": "0", "preset": "veryfast"}
    _describe(stream, format, "gbrp10le" if deep else "rgb24", _RGB, _FULL)
    return stream, lambda frame: VideoFrame.from_ndarray(
        np.ascontiguousarray(frame), format=stream.pix_fmt
    )


def _lossy(container, format: VideoFormat) -> tuple[VideoStream, Callable[[Frame], VideoFrame]]:
    even = format.width % 2 == 0 and format.height % 2 == 0  # as 4:2:0 of H.264 has to be
    format = dataclasses.replace(format, chroma="420" if even else "444", siting="left")
    stream = container.add_stream("libx264", rate=format.rate)
    stream.options = {"crf": "12"}
    name = f"yuv{format.chroma}p{'10le' if format.bit_depth > 8 else ''}"
    matrix, range = _TAGS[format.matrix][0], _FULL if format.full_range else _LIMITED
    _describe(stream, format, name, matrix, range)
    return stream, lambda frame: _picture(yuv_from_rgb(frame, format), format, name)


def _describe(stream: VideoStream, format: VideoFormat, name: str, matrix: int, range: int) -> None:
    stream.width, stream.height, stream.pix_fmt = format.width, format.height, name
    context = stream.codec_context
    context.colorspace, context.color_range = matrix, range
    _, context.color_primaries, context.color_trc = _TAGS[format.matrix]


def _picture(planes: Planes, format: VideoFormat, name: str) -> VideoFrame:
    picture = VideoFrame(format.width, format.height, name)
    for plane, samples in zip(picture.planes, planes, strict=True):
        rows, columns = samples.shape
        plane_rows(plane, format)[:rows, :columns] = samples
    return picture
