"""Whatever PyAV opens: compressed video files, and pictures."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation
from jaxtyping import UInt

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.left_out import Pace, left_out
from kbvc_jax.video.tags import PLANAR, is_full_range, matrix_of, nearest_format, siting_of


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
        if path.is_file() and not path.stat().st_size:
            raise InputError("empty (0 bytes); make or copy it again")
        try:
            self._container = av.open(str(path))
        except PermissionError as error:
            raise InputError(f"cannot read it ({error.strerror}); allow reading it") from None
        except (FFmpegError, OSError, ValueError) as error:
            raise InputError(
                f"not a video that can be read ({_reason(error)}); is it one, and whole?"
            ) from None
        self._path = path
        if not self._container.streams.video:
            raise InputError("no video stream in it; name a file that has one")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._pace = Pace(self._own_rate())
        self.left_out = list[str]()  # what is lost of the file; more, as it is read
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise InputError("no frame in it; a video needs at least one")
        self._first: VideoFrame | None = first
        self._target = nearest_format(first, rgb)
        self.is_rgb = self._target not in PLANAR
        chroma, depth = PLANAR.get(self._target, ("444", 8 if self._target == "rgb24" else 10))
        # Without tags, BT.709 limited; RGB files become so where planes are asked for.
        full = not self.is_rgb and is_full_range(first)
        self.format = VideoFormat(
            first.width,
            first.height,
            rate or self._pace.rate,
            matrix or ("709" if self.is_rgb or chroma == "400" else matrix_of(first)),
            full if full_range is None else full_range,
            depth,
            chroma,
            siting_of(first) if chroma == "420" else "left",
        )
        self.count = self._stream.frames or None
        self.expected = self.count or self._expected()
        self.left_out += left_out(self._container, self._stream, first)

    def planes(self) -> Iterator[Planes]:
        for frame in self._all():
            yield _planes(_as(frame, self._target), self.format)

    def rgb(self) -> Iterator[np.ndarray]:
        """Of RGB files, whose samples need no conversion."""
        for frame in self._all():
            samples = _as(frame, self._target).to_ndarray()
            # Of 16 bits, the ten highest.
            yield np.right_shift(samples, 6) if self._target == "rgb48le" else samples

    def close(self) -> None:
        self._container.close()

    def _own_rate(self) -> Fraction:
        # PyAV's own rational, since its version 19, or a Fraction.
        found = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        return Fraction(found.numerator, found.denominator)

    def _expected(self) -> int | None:
        """By its length: Matroska does not count its frames."""
        length = self._container.duration  # in microseconds
        return round(length * self._pace.rate / 10**6) if length else None

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
        count, whole = 0, True
        try:
            for packet in self._container.demux(self._stream):
                whole = not packet.is_corrupt
                # Without a packet the decoder gives what it still holds.
                for frame in self._stream.decode(packet if whole else None):
                    if frame.is_corrupt:
                        raise _damaged(count)
                    if self._pace.see(frame):
                        self.left_out.append("uneven times of its frames")
                    yield frame
                    count += 1
                if not whole:
                    break
        except (FFmpegError, OSError) as error:
            raise _damaged(count, f" ({_reason(error)})") from None
        if not whole or _is_short_matroska(self._path):
            raise _damaged(count)


def _damaged(count: int, reason: str = "") -> InputError:
    cure = f", or take the frames before with --frames {count}" if count else ""
    return InputError(f"damaged or cut off after {count} frames{reason}; copy it again{cure}")


def _is_short_matroska(path: Path) -> bool:
    """Its segment says how long it is; FFmpeg takes the end of the file for that of the video."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
    start = head.find(b"\x18\x53\x80\x67") + 4
    if not head.startswith(b"\x1a\x45\xdf\xa3") or start < 4:
        return False
    bits = 7 * (width := 9 - head[start].bit_length())  # leading zeros count further bytes
    size = int.from_bytes(head[start : start + width], "big") % 2**bits
    unknown = 2**bits - 1
    return size != unknown and path.stat().st_size < start + width + size


def _as(frame: VideoFrame, name: str) -> VideoFrame:
    if frame.format.name == name:
        return frame
    return frame.reformat(format=name, interpolation=Interpolation.BICUBIC)


def plane_rows(plane: VideoPlane, format: VideoFormat) -> UInt[np.ndarray, "rows stride"]:
    """A view of its memory, whose rows may be longer than the picture's."""
    kind = np.dtype("u1" if format.bit_depth == 8 else "<u2")
    samples = np.frombuffer(plane, kind)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return samples.reshape(-1, plane.line_size // kind.itemsize)


def _planes(frame: VideoFrame, format: VideoFormat) -> Planes:
    views = (plane_rows(plane, format) for plane in frame.planes)
    return tuple(
        view[:rows, :columns].copy()
        for view, (rows, columns) in zip(views, format.plane_shapes, strict=False)
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
