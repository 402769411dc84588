"""`kbvc decode --verify`: what OUT holds against a second decoding."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import Header
from kbvc_jax.coding.limits import Limits
from kbvc_jax.files import open_stream, video_format
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.reader import VideoReader, open_video

PLANAR = (".y4m", ".yuv")  # these hold YUV samples; the other kinds hold RGB


def verify(
    codec: Codec, source: str, target: str, start: int, frames: int | None, limits: Limits
) -> int:
    """The number of frames, all of them as decoded; InputError names the first that is not."""
    count = 0
    with open_stream(source, limits) as stream, _open_output(target, stream.header) as written:
        format = video_format(stream.header)
        planar = Path(target).suffix.lower() in PLANAR
        decoded = codec.decode_stream(stream, start=start, frames=frames)
        found = written.yuv_frames() if planar else ((frame,) for frame in written)
        for rgb, planes in itertools.zip_longest(decoded, found):
            expected = () if rgb is None else yuv_from_rgb(rgb, format) if planar else (rgb,)
            if planes is None or not _equal(expected, planes):
                raise InputError(
                    f"{target}: frame {count} is not what was decoded; the disk may be faulty, "
                    "decode again to another place"
                )
            count += 1
    return count


def _equal(expected: tuple[np.ndarray, ...], found: tuple[np.ndarray, ...]) -> bool:
    return len(expected) == len(found) and all(map(np.array_equal, expected, found))


def _open_output(target: str, header: Header) -> VideoReader:
    name = {"400": "gray"}.get(header.chroma, f"yuv{header.chroma}p")
    return open_video(
        target,
        size=(header.width, header.height),
        rate=Fraction(header.rate),
        pixel_format=name + ("10le" if header.bit_depth == 10 else ""),
        matrix=header.matrix,
        full_range=header.full_range,
    )
