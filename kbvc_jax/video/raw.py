"""Planar samples one frame after another: .yuv files, and the payload of y4m."""

import re
from typing import BinaryIO

import numpy as np

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat

_NAME = re.compile(r"yuvj?(420|422|444)p(10le|10)?|gr[ae]y(10le|10)?")


def parse_pixel_format(name: str) -> tuple[str, int]:
    """Chroma format and bit depth of yuv420p, yuv422p10le, gray, ..."""
    match = _NAME.fullmatch(name)
    if not match:
        raise InputError(
            f"pixel format {name}: must be yuv420p, yuv422p, yuv444p or gray, for 10 bits with "
            "10le behind it"
        )
    return match[1] or "400", 10 if match[2] or match[3] else 8


def read_planes(file: BinaryIO, format: VideoFormat) -> Planes | None:
    """None at the end of the file."""
    data = file.read(format.frame_bytes)
    if not data:
        return None
    if len(data) < format.frame_bytes:
        raise InputError(
            f"cut off within a frame ({len(data)} of {format.frame_bytes} bytes); make or copy it "
            "again, or check its size and pixel format"
        )
    samples, planes, start = np.frombuffer(data, _sample_type(format)), [], 0
    for rows, columns in format.plane_shapes:
        planes.append(samples[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return tuple(planes)


def write_planes(file: BinaryIO, planes: Planes, format: VideoFormat) -> None:
    for plane in planes:
        file.write(np.ascontiguousarray(plane, _sample_type(format)).tobytes())


def _sample_type(format: VideoFormat) -> str:
    return "u1" if format.bit_depth == 8 else "<u2"
