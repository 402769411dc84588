"""This codec as a contender."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt

import kbvc_jax
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.errors import InputError
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import SHIPPED, EvaluationConfig
from kbvc_jax.evaluation.contender import DIGEST, Columns
from kbvc_jax.pipeline.codec import WEIGHTS, Codec
from kbvc_jax.video.colour import yuv_from_rgb

NO_RELEASE = "No release weights ship with this version yet: the anchors alone are measured."


@dataclasses.dataclass(frozen=True)
class Ours:
    name: str
    codecs: dict[int, Codec]  # the same weights on every local device, by its id
    gop: int | str
    settings: tuple[float, ...]
    effort: int = 0
    paper: bool = False
    suffix: str = ".kbvc"

    @property
    def identity(self) -> dict[str, Any]:
        codec = next(iter(self.codecs.values()))
        return {
            "name": self.name,
            "kind": "kbvc",
            "version": kbvc_jax.__version__,
            "setting": "quality",
            "fingerprint": codec.inference.fingerprint.hex(),
            "gop": self.gop,
            "effort": self.effort,
            **({"paper": True} if self.paper else {}),
        }

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns:
        digests = []
        with target.open("wb") as file:
            summary = self._codec.encode_stream(
                (frame.rgb for frame in clip.read()),
                clip.format,
                file,
                setting,
                gop=self.gop,
                effort=self.effort,
                paper=self.paper,
                on_frame=lambda index, frame: digests.append(digest(frame)),
            )
        rows = sorted(summary.statistics, key=lambda row: row.index)
        return {
            "kind": [row.kind for row in rows],
            "level": [row.level for row in rows],
            "bits_y": [row.bits_y for row in rows],
            "bits_z": [row.bits_z for row in rows],
            "bits": [row.bits_y + row.bits_z for row in rows],
            DIGEST: digests,
        }

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]:
        with source.open("rb") as file:
            for rgb in self._codec.decode_stream(StreamReader(file)):
                yield Frame(rgb, yuv_from_rgb(rgb, clip.format))

    @property
    def _codec(self) -> Codec:
        """That of the device on which the calling thread runs."""
        (device,) = jnp.zeros(()).devices()
        return self.codecs[device.id]


def load_ours(config: EvaluationConfig) -> tuple[list[Ours], list[str]]:
    """The checkpoints of the config, and a note on release weights that do not exist yet."""
    out: list[Ours] = []
    for text in config.checkpoints:
        name, _, folder = text.rpartition("=")
        name = name or ("kbvc" if folder == SHIPPED else Path(folder).name)
        if name in [other.name for other in out]:
            raise InputError(f"checkpoints: two are called {name}; write NAME=FOLDER")
        if folder == SHIPPED and not has_release():
            return out, [NO_RELEASE]
        codecs = {}
        for device in jax.local_devices():
            with jax.default_device(device):
                codecs[device.id] = kbvc_jax.load(None if folder == SHIPPED else folder)
        out.append(Ours(name, codecs, config.gop, config.qualities))
        for gop in config.other_gops:
            length = gop if gop == "auto" else int(gop)
            out.append(Ours(f"{name} GoP {gop}", codecs, length, config.qualities))
        for effort in config.other_efforts:
            named = f"{name} effort {effort}"
            out.append(Ours(named, codecs, config.gop, config.qualities, effort))
        if config.paper:
            out.append(Ours(f"{name} paper", codecs, config.gop, config.qualities, paper=True))
    return out, []


def has_release() -> bool:
    return (WEIGHTS / "model.json").is_file()


def digest(frame: UInt[np.ndarray, "h w 3"]) -> str:
    return hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest()
