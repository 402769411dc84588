"""One way to write every kind of video: by name, whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt

from kbvc_jax.errors import InputError
from kbvc_jax.output import whole_file
from kbvc_jax.video import raw, y4m
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.format import VideoFormat

Frame = UInt[np.ndarray, "h w 3"]
KINDS = ".y4m, .yuv, .mp4, .mkv, or a name without a dot for a folder of PNGs"


class VideoWriter:
    def __init__(self, write: Callable[[Frame], None]):
        self.write = write


@contextlib.contextmanager
def create_video(
    path: str | Path, format: VideoFormat, *, overwrite: bool = False
) -> Iterator[VideoWriter]:
    """By extension: .y4m and .yuv in the source's own pixel format, .mp4 and .mkv lossless in RGB,
    else a folder of PNGs; "-" is y4m on stdout. Appears under its name when it is whole."""
    suffix = Path(path).suffix.lower()
    if str(path) != "-" and not suffix:
        with _png_folder(Path(path), format, overwrite) as writer:
            yield writer
        return
    if suffix not in (".y4m", ".yuv", ".mp4", ".mkv") and str(path) != "-":
        raise InputError(f"{path}: unknown kind of output; write {KINDS}")
    if suffix == ".mp4" and format.bit_depth > 8:
        raise InputError(f"{path}: .mp4 takes 8 bits and the video has 10; write .mkv")
    with whole_file(path, overwrite) as file:
        if suffix in (".mp4", ".mkv"):
            with _container(file, suffix[1:], format) as writer:
                yield writer
        else:
            yield _plain(file, format, suffix)


def _plain(file: BinaryIO, format: VideoFormat, suffix: str) -> VideoWriter:
    if suffix != ".yuv":
        file.write(y4m.header(format))
    write = raw.write_planes if suffix == ".yuv" else y4m.write_frame
    return VideoWriter(lambda frame: write(file, yuv_from_rgb(frame, format), format))


@contextlib.contextmanager
def _container(file: BinaryIO, kind: str, format: VideoFormat) -> Iterator[VideoWriter]:
    """H.264 in RGB, lossless; of 10 bits FFV1, since H.264 has no RGB of 10 bits."""
    deep = format.bit_depth > 8
    names = {"mp4": "mp4", "mkv": "matroska"}
    try:
        with av.open(file, "w", format=names[kind]) as container:
            stream = container.add_stream("ffv1" if deep else "libx264rgb", rate=format.rate)
            stream.width, stream.height = format.width, format.height
            stream.pix_fmt = "gbrp10le" if deep else "rgb24"
            if not deep:
                stream.options = {"qp": "0", "preset": "veryfast"}
            yield VideoWriter(lambda frame: container.mux(stream.encode(_picture(frame, format))))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from None  # as of any other file


def _picture(frame: Frame, format: VideoFormat) -> VideoFrame:
    name = "rgb24" if format.bit_depth == 8 else "gbrp10le"
    return VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=name)


@contextlib.contextmanager
def _png_folder(path: Path, format: VideoFormat, overwrite: bool) -> Iterator[VideoWriter]:
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; pass -y to overwrite it")
    if path.is_file():
        raise InputError(f"{path}: is a file; a folder of PNGs needs another name")
    number = 0
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror})") from None

    def write(frame: Frame) -> None:
        nonlocal number
        (beside / f"{number:06d}.png").write_bytes(_png(frame, format))
        number += 1

    try:
        yield VideoWriter(write)
        if path.exists():
            shutil.rmtree(path)
        beside.chmod(0o755)
        beside.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot write it ({error.strerror})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _png(frame: Frame, format: VideoFormat) -> bytes:
    """Ten bits are the highest of PNG's sixteen."""
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = format.width, format.height
    deep = format.bit_depth > 8
    encoder.pix_fmt, encoder.time_base = "rgb48be" if deep else "rgb24", 1 / format.rate
    samples = np.ascontiguousarray(frame << 6 if deep else frame)
    picture = VideoFrame.from_ndarray(samples, format=encoder.pix_fmt)
    return b"".join(bytes(p) for p in [*encoder.encode(picture), *encoder.encode(None)])
