"""Folders of PNGs: a picture a frame, in the order of the numbers in their names."""

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt

from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.output import whole_folder
from kbvc_jax.video.container import ContainerSource
from kbvc_jax.video.format import VideoFormat

Frame = UInt[np.ndarray, "h w 3"]


class FolderSource:
    def __init__(
        self, path: Path, matrix: str | None, full_range: bool | None, rate: Fraction | None
    ):
        self._paths = sorted(filter(_is_picture, path.iterdir()), key=_by_numbers)
        self.count = len(self._paths)
        if not self._paths:
            raise InputError("no .png file in this folder; name a folder that has some")
        self._options = (matrix or "709", bool(full_range), rate or Fraction(25))
        with self._opened(self._paths[0]) as first:
            self.format = first.format

    def rgb(self) -> Iterator[Frame]:
        for path in self._paths:
            with self._opened(path) as picture:
                if picture.format != self.format:
                    raise InputError(
                        f"{_kind(picture.format)}, but {self._paths[0].name} has "
                        f"{_kind(self.format)}; make them alike"
                    )
                yield from picture.rgb()

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[ContainerSource]:
        with (
            about(path),
            contextlib.closing(ContainerSource(path, *self._options, rgb=True)) as picture,
        ):
            yield picture


@contextlib.contextmanager
def png_folder(
    path: Path, format: VideoFormat, overwrite: bool
) -> Iterator[Callable[[Frame], None]]:
    """Gives the function that adds a picture. A folder of nothing but pictures may be replaced."""
    if not path.parent.is_dir():  # made for no other kind of video either
        raise InputError(f"{path}: cannot write there (no folder {path.parent})")
    old = filter(_is_picture, path.iterdir()) if path.is_dir() else ()
    with whole_folder(path, overwrite, [picture.name for picture in old]) as folder:
        numbers = itertools.count()

        def write(frame: Frame) -> None:
            (folder / f"{next(numbers):06d}.png").write_bytes(_png(frame, format))

        yield write


def _png(frame: Frame, format: VideoFormat) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = format.width, format.height
    deep = format.bit_depth > 8
    encoder.pix_fmt, encoder.time_base = "rgb48be" if deep else "rgb24", 1 / format.rate
    # Ten bits are the highest of PNG's sixteen; below they repeat, so that white is white.
    samples = np.bitwise_or(frame << 6, frame >> 4) if deep else frame
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(samples), format=encoder.pix_fmt)
    return b"".join(bytes(p) for p in [*encoder.encode(picture), *encoder.encode(None)])


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() == ".png" and not path.name.startswith(".") and path.is_file()


def _by_numbers(path: Path) -> list[str | int]:
    """frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _kind(format: VideoFormat) -> str:
    return f"{format.width}x{format.height} pixels of {format.bit_depth} bits"
