"""One way to open every kind of video: by name."""

import contextlib
import itertools
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kbvc_jax.errors import InputError
from kbvc_jax.video import raw, y4m
from kbvc_jax.video.colour import Planes, rgb_from_yuv, yuv_from_rgb
from kbvc_jax.video.container import ContainerSource
from kbvc_jax.video.format import VideoFormat


class VideoReader:
    """Iterate for RGB frames (h, w, 3), uint8 or, of 10 bits, uint16. Read once, in order."""

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
    ):
        self.format = format
        self._name, self._is_rgb, self._files = name, is_rgb, files
        self._frames = itertools.islice(frames, limit)
        self.count = count if limit is None or count is None else min(count, limit)

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self._checked():
            yield frame if self._is_rgb else rgb_from_yuv(frame, self.format)

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

    def _checked(self) -> Iterator:
        empty = True
        with _naming(self._name):
            for frame in self._frames:
                empty = False
                yield frame
            if empty:
                raise InputError("no frame in it")


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
    """A .y4m or .yuv file, a folder of PNGs, any video file, or "-": y4m from stdin.

    `size` (width, height), `rate` and `pixel_format` describe .yuv files; `rate` also folders.
    `matrix` and `full_range` override tags; without either, video is BT.709 limited.
    """
    name, suffix, path = str(path), Path(path).suffix.lower(), Path(path)
    with _naming(name), contextlib.ExitStack() as files:
        if name != "-" and not path.exists():
            raise InputError("no such file or folder")
        if path.is_dir():
            source = _Folder(path, rate, matrix, full_range)
            format, stream, is_rgb, count = source.format, source.rgb(), True, source.count
        elif name == "-" or suffix == ".y4m":
            file = _open(path, files) if name != "-" else sys.stdin.buffer
            format = y4m.read_header(file, matrix or "709", full_range)
            stream = iter(lambda: y4m.read_frame(file, format), None)
            is_rgb, count = (
                False,
                _frame_count(path, format, len(b"FRAME\n")) if name != "-" else None,
            )
        elif suffix == ".yuv":
            file = _open(path, files)
            format = _raw_format(size, rate, pixel_format, matrix, full_range)
            stream = iter(lambda: raw.read_planes(file, format), None)
            is_rgb, count = False, _frame_count(path, format, 0)
        else:
            _open(path, files).close()  # says why it cannot be read, where it cannot
            source = ContainerSource(path, matrix, full_range, rate)
            files.callback(source.close)
            format, is_rgb, count = source.format, source.is_rgb, source.count
            stream = source.rgb() if is_rgb else source.planes()
        return VideoReader(
            name,
            format,
            stream,
            is_rgb=is_rgb,
            count=count,
            limit=frames,
            files=files.pop_all(),
        )


class _Folder:
    """PNG files in the order of their names."""

    def __init__(
        self, path: Path, rate: Fraction | None, matrix: str | None, full_range: bool | None
    ):
        self._paths = sorted(path.glob("*.png"))
        self.count = len(self._paths)
        if not self._paths:
            raise InputError("no .png file in this folder")
        self._options = (matrix or "709", bool(full_range), rate or Fraction(25))
        first = self._open(self._paths[0])
        self.format = first.format
        first.close()

    def rgb(self) -> Iterator[np.ndarray]:
        for path in self._paths:
            with _naming(path.name), contextlib.closing(self._open(path)) as picture:
                if picture.format != self.format:
                    raise InputError(
                        f"{picture.format.width}x{picture.format.height}, "
                        f"{picture.format.bit_depth} bits; the first picture differs"
                    )
                yield next(picture.rgb())

    def _open(self, path: Path) -> "ContainerSource":
        return ContainerSource(path, *self._options, rgb=True)


def _raw_format(
    size: tuple[int, int] | None,
    rate: Fraction | None,
    pixel_format: str | None,
    matrix: str | None,
    full_range: bool | None,
) -> VideoFormat:
    if size is None:
        raise InputError("a .yuv file does not say its size; pass --size WIDTHxHEIGHT")
    chroma, depth = raw.parse_pixel_format(pixel_format or "yuv420p")
    return VideoFormat(
        *size, rate or Fraction(25), matrix or "709", bool(full_range), depth, chroma
    )


def _open(path: Path, files: contextlib.ExitStack) -> BinaryIO:
    try:
        return files.enter_context(path.open("rb"))
    except OSError as error:
        raise InputError(f"cannot read it ({error.strerror})") from None


def _frame_count(path: Path, format: VideoFormat, between: int) -> int | None:
    # A y4m header is shorter than a frame of the smallest size allowed.
    return path.stat().st_size // (format.frame_bytes + between) if path.is_file() else None


@contextlib.contextmanager
def _naming(name: str):
    """Puts the file's name before every message."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except OSError as error:
        raise InputError(f"{name}: cannot read it ({error.strerror or error})") from None
