"""One way to open every kind of video: by name."""

import contextlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.overlap import ahead
from kbvc_jax.video import raw, y4m
from kbvc_jax.video.colour import Planes, rgb_from_yuv, yuv_from_rgb
from kbvc_jax.video.container import ContainerSource
from kbvc_jax.video.folder import FolderSource
from kbvc_jax.video.format import VideoFormat


class VideoReader:
    """Iterate for RGB frames (h, w, 3), uint8 or, of 10 bits, uint16. Read once, in order.

    `count` is how many there are, where the file says so, `expected` about how many.
    """

    def __init__(
        self,
        name: str,
        format: VideoFormat,
        frames: Iterator[np.ndarray] | Iterator[Planes],
        *,
        is_rgb: bool,
        count: int | None,
        limit: int | None,
        files: contextlib.ExitStack,
        left_out: Sequence[str] = (),
        expected: int | None = None,
    ):
        self.format = format
        self.left_out = left_out  # what the file has besides; more, as it is read
        self._name, self._is_rgb, self._files = name, is_rgb, files
        self._frames = itertools.islice(frames, limit)
        self.count, self.expected = _limited(count, limit), _limited(expected or count, limit)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read and converted ahead, by a thread of its own."""
        frames = ahead(self._rgb())
        self._files.callback(frames.close)
        return frames

    def yuv_frames(self) -> Iterator[Planes]:
        """The file's own samples; of RGB files, converted."""
        for frame in self._checked():
            yield yuv_from_rgb(frame, self.format) if self._is_rgb else frame

    def close(self) -> None:
        self._files.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _rgb(self) -> Iterator[np.ndarray]:
        for frame in self._checked():
            yield frame if self._is_rgb else rgb_from_yuv(frame, self.format)

    def _checked(self) -> Iterator:
        empty = True
        with _naming(self._name):
            for frame in self._frames:
                empty = False
                yield frame
            if empty:
                raise InputError("no frame in it; a video needs at least one")


def open_video(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    rate: Fraction | None = None,
    pixel_format: str | None = None,
    matrix: str | None = None,
    full_range: bool | None = None,
    frames: int | None = None,
) -> VideoReader:
    """A .y4m or .yuv file, a folder of PNGs, any video file, or "-": stdin, which is y4m, or with a
    `size` yuv.

    `size` (width, height), `rate` and `pixel_format` describe .yuv files; `rate` also folders.
    `matrix` and `full_range` override tags; without either, video is BT.709 limited.
    """
    name, suffix, path = str(path), Path(path).suffix.lower(), Path(path)
    with _naming(name), contextlib.ExitStack() as files:
        if frames is not None and frames < 1:
            raise InputError(f"{frames} frames of it wanted; take at least 1")
        if name != "-" and not path.exists():
            raise InputError("no such file or folder; check the name")
        count, expected, is_rgb, left_out = None, None, False, ()
        if path.is_dir():
            source = FolderSource(path, matrix, full_range, rate)
            format, stream, is_rgb, count = source.format, source.rgb(), True, source.count
        elif suffix == ".yuv" or (name == "-" and size):
            format = _raw_format(size, rate, pixel_format, matrix, full_range)
            file, count = _open(name, files), _whole_frames(path, format, frames)
            stream = iter(lambda: raw.read_planes(file, format), None)
        elif suffix == ".y4m" or name == "-":
            file = _open(name, files)
            format = y4m.read_header(file, matrix or "709", full_range)
            stream = iter(lambda: y4m.read_frame(file, format), None)
            if path.is_file():  # the header is shorter than any frame
                count = path.stat().st_size // (format.frame_bytes + len(b"FRAME\n"))
        else:
            source = ContainerSource(path, matrix, full_range, rate)
            files.callback(source.close)
            format, is_rgb, count = source.format, source.is_rgb, source.count
            stream = source.rgb() if is_rgb else source.planes()
            left_out, expected = source.left_out, source.expected
        return VideoReader(
            name,
            format,
            stream,
            is_rgb=is_rgb,
            count=count,
            limit=frames,
            files=files.pop_all(),
            left_out=left_out,
            expected=expected,
        )


def _limited(count: int | None, limit: int | None) -> int | None:
    return count if limit is None or count is None else min(count, limit)


def _raw_format(
    size: tuple[int, int] | None,
    rate: Fraction | None,
    pixel_format: str | None,
    matrix: str | None,
    full_range: bool | None,
) -> VideoFormat:
    if size is None:
        raise InputError("a .yuv file does not say its size; pass --size WIDTHxHEIGHT")
    pixel_format = pixel_format or "yuv420p"
    chroma, depth = raw.parse_pixel_format(pixel_format)
    full = pixel_format.startswith("yuvj") if full_range is None else full_range
    return VideoFormat(*size, rate or Fraction(25), matrix or "709", full, depth, chroma)


def _whole_frames(path: Path, format: VideoFormat, wanted: int | None) -> int | None:
    """How many; found out before an hour's work on a file of another size."""
    if not path.is_file():
        return None
    count, rest = divmod(path.stat().st_size, format.frame_bytes)
    if rest and (wanted is None or wanted > count):
        raise InputError(
            f"{count} frames of {format.frame_bytes} bytes and {rest} bytes more; check --size "
            "and --pixel-format, or take what is whole with --frames"
        )
    return count


def _open(name: str, files: contextlib.ExitStack) -> BinaryIO:
    return sys.stdin.buffer if name == "-" else files.enter_context(open(name, "rb"))


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Whatever goes wrong is the file's."""
    with about(name):
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot read it ({error.strerror or error})") from None
