"""VVenC and libaom, through the ffmpeg that imageio-ffmpeg brings."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kbvc_jax.evaluation.anchors.planes import (
    coded_format,
    coded_planes,
    decoded_frame,
    pixel_format,
)
from kbvc_jax.evaluation.anchors.process import collect, feed
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.contender import Columns
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat

_OPTIONS = {
    "vvenc": "-c:v libvvenc -preset medium -qpa 0 -vvenc-params intraperiod={period} "
    "-qp {setting} -f vvc",
    "libaom": "-c:v libaom-av1 -cpu-used 3 -lag-in-frames 35 -g {period} -keyint_min {period} "
    "-b:v 0 -crf {setting} -f obu",
}
_SUFFIXES = {"vvenc": ".266", "libaom": ".obu"}
NAMES = tuple(_OPTIONS)


@dataclasses.dataclass(frozen=True)
class FfmpegAnchor:
    name: str
    executable: str
    version: str
    period: int
    settings: tuple[float, ...]

    @property
    def suffix(self) -> str:
        return _SUFFIXES[self.name]

    @property
    def deep(self) -> bool:
        """VVenC codes 10 bits whatever it is given."""
        return self.name == "vvenc"

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": "anchor",
            "setting": "qp" if self.name == "vvenc" else "crf",
            "options": _OPTIONS[self.name].replace("{period}", str(self.period)),
            "libraries": f"ffmpeg {self.version}",
        }

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns:
        format = self._coded(clip)
        options = _OPTIONS[self.name].format(period=self.period, setting=round(setting))
        raw = f"-f rawvideo -pix_fmt {pixel_format(format)} -s {format.width}x{format.height}"
        command = [self.executable, "-v", "error", "-y", *raw.split(), "-r", str(format.rate)]
        command += ["-i", "-", *options.split(), str(target)]
        planes = coded_planes(clip)
        feed(command, map(deepen, planes) if self._shifts(clip) else planes)
        return {}

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]:
        format = self._coded(clip)
        command = [self.executable, "-v", "error", "-i", str(source), "-f", "rawvideo"]
        command += ["-pix_fmt", pixel_format(format), "-fps_mode", "passthrough", "-"]
        for planes in collect(command, format):
            yield decoded_frame(flatten(planes) if self._shifts(clip) else planes, clip)

    def _shifts(self, clip: Clip) -> bool:
        return self.deep and clip.format.bit_depth == 8

    def _coded(self, clip: Clip) -> VideoFormat:
        format = coded_format(clip)
        return dataclasses.replace(format, bit_depth=10) if self.deep else format


def deepen(planes: Planes) -> Planes:
    """8 bits in 10."""
    return tuple(plane.astype(np.uint16) << 2 for plane in planes)


def flatten(planes: Planes) -> Planes:
    """10 bits rounded to 8."""
    return tuple(np.minimum((plane + 2) >> 2, 255).astype(np.uint8) for plane in planes)


def executable(wanted_by: str) -> tuple[str, str]:
    """Path and version of ffmpeg."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise InputError(f"{wanted_by}: needs ffmpeg; pip install 'kbvc-jax[anchors]'") from None
    try:
        return imageio_ffmpeg.get_ffmpeg_exe(), imageio_ffmpeg.get_ffmpeg_version()
    except RuntimeError as error:
        raise InputError(f"{wanted_by}: {str(error).splitlines()[0]}") from None


def anchor(name: str, config: EvaluationConfig) -> FfmpegAnchor:
    chosen = config.anchors
    path, version = executable(f"anchors.codecs={name}")
    settings = chosen.av1_quantisers if name == "libaom" else chosen.quantisers
    return FfmpegAnchor(name, path, version, config.intra_period, settings)
