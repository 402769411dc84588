"""VTM and HM, the reference software of VVC and HEVC, where their programs are given."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kbvc_jax.evaluation.anchors.planes import (
    coded_format,
    coded_planes,
    decoded_frame,
    planes_from_bytes,
    raw_bytes,
)
from kbvc_jax.evaluation.anchors.process import run
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.contender import Columns
from kbvc_jax.runtime.errors import InputError

_ENCODER, _DECODER = "Encoder", "Decoder"  # TAppEncoderStatic, EncoderApp: and their decoders
NAMES = ("vtm", "hm")


@dataclasses.dataclass(frozen=True)
class ReferenceAnchor:
    """The random-access .cfg of the software decides the structure below the intra period, which
    must be a multiple of that file's GOPSize."""

    name: str
    encoder: Path
    decoder: Path
    cfg: Path
    period: int
    settings: tuple[float, ...]
    suffix: str = ".bin"

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": "anchor",
            "setting": "qp",
            "cfg": f"{self.cfg.name} {_sha256(self.cfg)}",
            "program": _sha256(self.encoder),
            "options": f"--IntraPeriod={self.period}",
        }

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns:
        format, raw = coded_format(clip), target.with_suffix(".yuv")
        depth = format.bit_depth
        with raw.open("wb") as file:
            for planes in coded_planes(clip):
                file.write(raw_bytes(planes))
        try:
            run(
                [
                    *(str(self.encoder), "-c", str(self.cfg), "-i", str(raw), "-b", str(target)),
                    *("-o", "/dev/null", "-wdt", str(format.width), "-hgt", str(format.height)),
                    *("-fr", str(round(format.rate)), "-f", str(clip.frames)),
                    *("-q", str(round(setting)), f"--IntraPeriod={self.period}"),
                    *(f"--InputBitDepth={depth}", f"--OutputBitDepth={depth}"),
                    *("--ConformanceWindowMode=1", "--SEIDecodedPictureHash=0"),
                ]
            )
        finally:
            raw.unlink(missing_ok=True)
        return {}

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]:
        format, raw = coded_format(clip), source.with_suffix(".decoded.yuv")
        depth = f"-d {format.bit_depth}"
        try:
            run([str(self.decoder), "-b", str(source), "-o", str(raw), *depth.split()])
            with raw.open("rb") as file:
                while data := file.read(format.frame_bytes):
                    yield decoded_frame(planes_from_bytes(data, format), clip)
        finally:
            raw.unlink(missing_ok=True)


def anchor(name: str, config: EvaluationConfig) -> ReferenceAnchor:
    chosen = config.anchors
    given = {"vtm": (chosen.vtm, chosen.vtm_cfg), "hm": (chosen.hm, chosen.hm_cfg)}[name]
    if None in given:
        raise InputError(
            f"anchors.codecs={name}: set anchors.{name} to its encoder and anchors.{name}_cfg to "
            "its random-access .cfg file"
        )
    encoder, cfg = (Path(str(path)) for path in given)
    decoder = encoder.with_name(encoder.name.replace(_ENCODER, _DECODER))
    for path in (encoder, decoder, cfg):
        if not path.is_file():
            raise InputError(f"{path}: no such file; anchors.{name} needs it")
    return ReferenceAnchor(name, encoder, decoder, cfg, config.intra_period, chosen.quantisers)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
