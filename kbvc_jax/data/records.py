"""A record of a pack: up to some dozens of consecutive frames as one byte string.

copy, h264, hevc   a short video file: small; decoded from its beginning
jpeg               each frame alone: five times the size, any frame at once
raw                RGB samples: no decoding at all
"""

import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from kbvc_jax.data.decode import Frames, decode_picture, decode_video

Codec = Literal["copy", "h264", "hevc", "jpeg", "raw"]
SUFFIX = {"copy": "mp4", "h264": "mp4", "hevc": "mp4", "jpeg": "jpegs", "raw": "rgb"}


def encode_jpegs(frames: Sequence[UInt8[np.ndarray, "H W 3"]], quality: int) -> bytes:
    pictures = []
    for frame in frames:
        Image.fromarray(frame).save(picture := io.BytesIO(), "JPEG", quality=quality)
        pictures.append(picture.getvalue())
    return join_jpegs(pictures)


def join_jpegs(pictures: Sequence[bytes]) -> bytes:
    """A table of sizes, then the pictures."""
    return np.array([len(picture) for picture in pictures], "<u4").tobytes() + b"".join(pictures)


def decode_record(
    record: bytes, codec: Codec, shape: tuple[int, int, int], times: Sequence[int]
) -> Frames:
    """Frames `times` of a record that holds `shape` = (frames, height, width)."""
    if codec == "raw":
        return np.frombuffer(record, np.uint8).reshape(*shape, 3)[list(times)]
    if codec == "jpeg":
        ends = 4 * shape[0] + np.cumsum(np.frombuffer(record, "<u4", shape[0]), dtype=np.int64)
        starts = np.concatenate([[4 * shape[0]], ends[:-1]])
        return np.stack([decode_picture(record[starts[t] : ends[t]]) for t in times])
    return decode_video(record, times)
