"""One way to write every kind of video: by name, whole or not at all."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt

from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.output import whole_file
from kbvc_jax.video import raw, y4m
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.encoded import SUFFIXES, check_encodable, encoded_video
from kbvc_jax.video.folder import png_folder
from kbvc_jax.video.format import VideoFormat

Frame = UInt[np.ndarray, "h w 3"]
KINDS = ".y4m, .yuv, .mp4, .mkv, or a name without a dot for a folder of PNGs"


class VideoWriter:
    def __init__(self, write: Callable[[Frame], None]):
        self.write = write


@contextlib.contextmanager
def create_video(
    path: str | Path, format: VideoFormat, *, overwrite: bool = False, lossless: bool = True
) -> Iterator[VideoWriter]:
    """By extension: .y4m and .yuv in the source's own pixel format, .mp4 and .mkv, else a folder of
    PNGs; "-" is y4m on stdout. Appears under its name when it is whole.

    `lossless=False` makes .mp4 and .mkv that every player knows.
    """
    name, suffix = str(path), Path(path).suffix.lower()
    if name == "-":
        suffix = ".y4m"
    with contextlib.ExitStack() as outputs:
        if not suffix:
            write = outputs.enter_context(png_folder(Path(path), format, overwrite))
        elif suffix in SUFFIXES:
            with about(path):
                check_encodable(suffix, format, lossless)
            file = outputs.enter_context(whole_file(path, overwrite))
            write = outputs.enter_context(encoded_video(file, suffix, format, lossless))
        elif suffix in (".y4m", ".yuv"):
            write = _planar(outputs.enter_context(whole_file(path, overwrite)), suffix, format)
        else:
            raise InputError(f"{path}: unknown kind of output; write {KINDS}")
        yield VideoWriter(write)


def _planar(file: BinaryIO, suffix: str, format: VideoFormat) -> Callable[[Frame], None]:
    if suffix == ".yuv":
        return lambda frame: raw.write_planes(file, yuv_from_rgb(frame, format), format)
    format = y4m.expressible(format)
    file.write(y4m.header(format))
    return lambda frame: y4m.write_frame(file, yuv_from_rgb(frame, format), format)
