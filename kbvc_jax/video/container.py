"""Whatever PyAV opens: compressed video files, and pictures."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from kbvc_jax.errors import InputError
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat

# FFmpeg's numbers for colour matrices and ranges.
_MATRICES = {1: "709", 5: "601", 6: "601", 9: "2020", 10: "2020"}
_LIMITED, _FULL = 1, 2
_PLANAR = {
    f"yuv{j}{chroma}p{depth}": (chroma, 10 if depth else 8)
    for chroma in ("420", "422", "444")
    for j in ("", "j")
    for depth in ("", "10le")
} | {"gray": ("400", 8), "gray10le": ("400", 10)}


class ContainerSource:
    """Decoded frames of a file's first video stream."""

    def __init__(
        self,
        path: Path,
        matrix: str | None,
        full_range: bool | None,
        rate: Fraction | None,
        *,
        rgb: bool = False,  # whatever the samples are: for pictures, which may be grey
    ):
        try:
            self._container = av.open(str(path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"not a video that can be read ({_reason(error)})") from None
        if not self._container.streams.video:
            raise InputError("no video stream in it")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise InputError("no frame in it")
        self._first: VideoFrame | None = first
        self._target = _target(first, rgb)
        self.is_rgb = self._target not in _PLANAR
        chroma, depth = _PLANAR.get(self._target, ("444", 8 if self._target == "rgb24" else 10))
        # Without tags, BT.709 limited; RGB files become so where planes are asked for.
        full = not self.is_rgb and (
            first.color_range == _FULL or first.format.name.startswith("yuvj")
        )
        self.format = VideoFormat(
            first.width,
            first.height,
            rate or Fraction(self._stream.average_rate or self._stream.guessed_rate or 25),
            matrix or _MATRICES.get(first.colorspace, "709"),
            full if full_range is None else full_range,
            depth,
            chroma,
        )
        self.count = self._stream.frames or None

    def planes(self) -> Iterator[Planes]:
        for frame in self._all():
            yield _planes(_as(frame, self._target), self.format)

    def rgb(self) -> Iterator[np.ndarray]:
        """Of RGB files, whose samples need no conversion."""
        for frame in self._all():
            samples = _as(frame, self._target).to_ndarray()
            # Of 16 bits, the ten highest.
            yield samples >> 6 if self._target == "rgb48le" else samples

    def close(self) -> None:
        self._container.close()

    def _all(self) -> Iterator[VideoFrame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        for frame in self._frames:
            if (frame.width, frame.height) != (self.format.width, self.format.height):
                raise InputError(
                    f"frames change size, from {self.format.width}x{self.format.height} to "
                    f"{frame.width}x{frame.height}; rescale them to one"
                )
            yield frame

    def _decode(self) -> Iterator[VideoFrame]:
        try:
            yield from self._container.decode(self._stream)
        except (av.FFmpegError, OSError) as error:
            raise InputError(f"damaged or cut off ({_reason(error)})") from None


def _target(frame: VideoFrame, rgb: bool) -> str:
    """The frame's own pixel format, or the nearest one that is read."""
    name, deep = frame.format.name, any(c.bits > 8 for c in frame.format.components)
    if name in _PLANAR and not rgb:
        return name
    if name == "gbrp10le":
        return name
    if rgb or frame.format.is_rgb or name == "pal8":
        return "rgb48le" if deep else "rgb24"
    return "yuv420p10le" if deep else "yuv420p"


def _as(frame: VideoFrame, name: str) -> VideoFrame:
    if frame.format.name == name:
        return frame
    return frame.reformat(format=name, interpolation=Interpolation.BICUBIC)


def _planes(frame: VideoFrame, format: VideoFormat) -> Planes:
    kind = np.dtype("u1" if format.bit_depth == 8 else "<u2")
    out = []
    for plane, (rows, columns) in zip(frame.planes, format.plane_shapes, strict=False):
        stride = plane.line_size // kind.itemsize
        samples = np.frombuffer(plane, kind)[: stride * rows]
        out.append(samples.reshape(rows, stride)[:, :columns].copy())
    return tuple(out)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
