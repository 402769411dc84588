"""x264, x265 and SVT-AV1 through PyAV, as bare elementary streams."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from kbvc_jax.evaluation.anchors.planes import (
    coded_format,
    coded_planes,
    decoded_frame,
    pixel_format,
)
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.contender import Columns
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes

# {period}: intra period. No name and version strings in the stream: rate counts every byte.
# One thread: x264 looks less far ahead with more, and a rate must not depend on the machine.
_X264 = "keyint={period}:min-keyint=1:open-gop=1:b-pyramid=normal:threads=1"
_X265 = "keyint={period}:min-keyint=1:open-gop=1:b-pyramid=1:info=0:log-level=none"
_LOW_DELAY = "keyint={period}:bframes=0:info=0:log-level=none"
# Forward key frames: the open groups of pictures that the other encoders use too.
_SVT = "keyint={period}:tune=1:irefresh-type=1"


@dataclasses.dataclass(frozen=True)
class _Kind:
    encoder: str
    container: str
    options: dict[str, str]
    filter: str | None = None


_KINDS = {
    "x264": _Kind(
        "libx264",
        "h264",
        {"preset": "veryslow", "tune": "psnr", "x264-params": _X264},
        filter="filter_units=remove_types=6",  # the SEI with the encoder's name
    ),
    "x265": _Kind("libx265", "hevc", {"preset": "veryslow", "tune": "psnr", "x265-params": _X265}),
    "x265-medium": _Kind(
        "libx265", "hevc", {"preset": "medium", "tune": "psnr", "x265-params": _X265}
    ),
    "x265-lowdelay": _Kind(
        "libx265", "hevc", {"preset": "medium", "tune": "zerolatency", "x265-params": _LOW_DELAY}
    ),
    "svt-av1": _Kind("libsvtav1", "obu", {"preset": "4", "svtav1-params": _SVT}),
}
NAMES = tuple(_KINDS)
os.environ.setdefault("SVT_LOG", "1")  # errors alone: it writes to stderr past Python


@dataclasses.dataclass(frozen=True)
class LibraryAnchor:
    name: str
    kind: _Kind
    period: int
    settings: tuple[float, ...]

    @property
    def suffix(self) -> str:
        return f".{self.kind.container}"

    @property
    def options(self) -> dict[str, str]:
        return {k: v.format(period=self.period) for k, v in self.kind.options.items()}

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": "anchor",
            "setting": "crf",
            "encoder": self.kind.encoder,
            "options": self.options,
            "libraries": f"PyAV {av.__version__}",
        }

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns:
        format = coded_format(clip)
        bits: dict[int, int] = {}
        keys: set[int] = set()
        with av.open(str(target), "w", format=self.kind.container) as container:
            options = self.options | {"crf": f"{setting:g}"}
            added = container.add_stream(self.kind.encoder, rate=format.rate, options=options)
            stream = cast(VideoStream, added)
            stream.width, stream.height = format.width, format.height
            stream.pix_fmt = pixel_format(format)
            filter = self.kind.filter and BitStreamFilterContext(self.kind.filter, stream)

            def write(packets: Iterable[av.Packet]) -> None:
                for packet in packets:
                    for out in filter.filter(packet) if filter else (packet,):
                        time = cast(int, out.pts)
                        bits[time] = bits.get(time, 0) + 8 * out.size
                        if out.is_keyframe:
                            keys.add(time)
                        container.mux(out)

            for index, planes in enumerate(coded_planes(clip)):
                frame = _frame(planes, pixel_format(format))
                frame.pts, frame.time_base = index, 1 / format.rate
                write(stream.encode(frame))
            write(stream.encode(None))
        times = sorted(bits)
        return {
            "kind": ["I" if time in keys else "inter" for time in times],
            "bits": [bits[time] for time in times],
        }

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]:
        with av.open(str(source)) as container:
            for frame in container.decode(video=0):
                yield decoded_frame(_planes(frame), clip)


def anchor(name: str, config: EvaluationConfig) -> LibraryAnchor:
    kind, chosen = _KINDS[name], config.anchors
    if kind.encoder not in av.codecs_available:
        raise InputError(f"anchors.codecs={name}: this PyAV has no {kind.encoder}; leave it out")
    settings = chosen.av1_quantisers if kind.encoder == "libsvtav1" else chosen.quantisers
    return LibraryAnchor(name, kind, config.intra_period, settings)


def _frame(planes: Planes, pixel_format: str) -> av.VideoFrame:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for target, plane in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(target), np.uint8).reshape(plane.shape[0], -1).copy()
        samples = np.ascontiguousarray(plane).view(np.uint8)
        rows[:, : samples.shape[1]] = samples
        target.update(rows.tobytes())
    return frame


def _planes(frame: av.VideoFrame) -> Planes:
    depth = np.uint8 if frame.format.components[0].bits == 8 else np.dtype("<u2")

    def samples(plane) -> np.ndarray:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        return rows[:, : plane.width * depth_size].copy().view(depth)

    depth_size = np.dtype(depth).itemsize
    return tuple(samples(plane) for plane in frame.planes)
