"""Source planes as the 4:2:0 that anchors code, and decoded planes as frames."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes, rgb_from_yuv, yuv_from_rgb
from kbvc_jax.video.format import VideoFormat


def coded_format(clip: Clip) -> VideoFormat:
    """The anchors code 4:2:0 whatever the source has, as deep as the source."""
    if clip.format.width % 2 or clip.format.height % 2:
        size = f"{clip.format.width}x{clip.format.height}"
        raise InputError(f"{clip.name}: {size} is odd; 4:2:0 anchors need even sizes")
    return dataclasses.replace(clip.format, chroma="420")


def pixel_format(format: VideoFormat) -> str:
    return "yuv420p" if format.bit_depth == 8 else "yuv420p10le"


def coded_planes(clip: Clip) -> Iterator[Planes]:
    format = coded_format(clip)
    for frame in clip.read():
        yield frame.planes if clip.format.chroma == "420" else yuv_from_rgb(frame.rgb, format)


def decoded_frame(planes: Planes, clip: Clip) -> Frame:
    """RGB through the conversion that the source went through."""
    rgb = rgb_from_yuv(planes, coded_format(clip))
    return Frame(rgb, planes if clip.format.chroma == "420" else yuv_from_rgb(rgb, clip.format))


def raw_bytes(planes: Planes) -> bytes:
    return b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)


def planes_from_bytes(data: bytes, format: VideoFormat) -> Planes:
    samples = np.frombuffer(data, np.uint8 if format.bit_depth == 8 else np.dtype("<u2"))
    ends = np.cumsum([rows * columns for rows, columns in format.plane_shapes])
    parts = np.split(samples, ends[:-1])
    return tuple(p.reshape(s) for p, s in zip(parts, format.plane_shapes, strict=True))
