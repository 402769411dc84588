"""Every point of the demo through real files, measured as an evaluation measures.

clip --- kbvc, x264, x265 at several settings --- files --- decoded --- table, curves, picture
          x264, x265 at the rate of kbvc's middle one, too -------------------------------^
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import UInt8

from kbvc_jax.api import Codec
from kbvc_jax.demo.draw import draw_side_by_side
from kbvc_jax.demo.equal_rate import nearest, setting_between
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.evaluation.anchors import anchors
from kbvc_jax.evaluation.clips import Frame, find_clips
from kbvc_jax.evaluation.conditions import describe
from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig
from kbvc_jax.evaluation.contender import Columns, Contender
from kbvc_jax.evaluation.measure import measure
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.evaluation.ours import Ours, curve
from kbvc_jax.evaluation.plot import plot
from kbvc_jax.evaluation.results import Point, Results
from kbvc_jax.runtime.errors import InputError

NAME = "kbvc"
ANCHORS = AnchorConfig(codecs=("x264", "x265"), quantisers=(20, 25, 30, 35, 40, 45))


class Witness:
    """The PSNR of every frame, and a picture of one: the middle, a leaf of its group."""

    def __init__(self, frames: int):
        self._middle = frames // 2 | 1 if frames > 1 else 0
        self._decibels: list[float] = []
        self.source = self.picture = np.zeros((0, 0, 3), np.uint8)

    def see(self, source: Frame, decoded: Frame) -> None:
        if len(self._decibels) == self._middle:
            self.source, self.picture = source.rgb, decoded.rgb
        self._decibels.append(psnr(source.rgb, decoded.rgb, 255))

    def columns(self) -> Columns:
        return {"psnr": self._decibels}


class Coded(NamedTuple):
    point: Point
    source: UInt8[np.ndarray, "h w 3"]
    picture: UInt8[np.ndarray, "h w 3"]


def run_demo(
    codec: Codec,
    folder: Path,
    *,
    qualities: Sequence[float],
    frames: int | None,
    overwrite: bool,
    say: Callable[[str], None],
) -> str:
    """Fills `folder` and returns the table."""
    config = EvaluationConfig(qualities=tuple(qualities), frames=frames, anchors=ANCHORS)
    (clip,) = find_clips(config)
    models, settings = curve(NAME, [{jax.local_devices()[0].id: codec}], config.qualities)
    ours = Ours(NAME, models, settings, EncoderOptions(gop=config.gop, keyint=config.intra_period))
    others = anchors(config)
    _make(folder, overwrite)

    def code(contender: Contender, setting: float) -> Coded:
        witness = Witness(clip.frames)
        target = folder / f"{contender.name}-{setting:g}{contender.suffix}"
        point = measure(contender, clip, setting, target, [witness])
        say(row(point))
        return Coded(point, witness.source, witness.picture)

    own = [code(ours, setting) for setting in ours.settings]
    middle = sorted(own, key=lambda coded: coded.point.bytes)[len(own) // 2]
    points = [coded.point for coded in own]
    sheet = [("source", middle.source), (caption(middle.point), middle.picture)]
    for other in others:
        theirs = [code(other, setting) for setting in other.settings]
        between = setting_between([coded.point for coded in theirs], middle.point.bytes)
        if between not in other.settings:
            theirs.append(code(other, between))
        theirs.sort(key=lambda coded: coded.point.setting)
        points += [coded.point for coded in theirs]
        shown = theirs[nearest([coded.point for coded in theirs], middle.point.bytes)]
        sheet.append((caption(shown.point), shown.picture))
    conditions = describe(config, clip.name, [clip])
    identities = [contender.identity for contender in (ours, *others)]
    plot(Results(clip.name, conditions, {}, identities, points), folder / "rd.png")
    draw_side_by_side(sheet, folder / "side_by_side.png")
    size = f"{clip.format.width}x{clip.format.height}"
    title = f"{clip.name}, {size}, {clip.frames} frames, GoP {config.gop}"
    written = f"{folder}/rd.png, {folder}/side_by_side.png; the streams lie beside them"
    return "\n".join([title, HEADINGS, *map(row, points), written])


HEADINGS = "codec  setting      bytes  bits/pixel  PSNR dB  encode fps  decode fps"


def row(point: Point) -> str:
    frames = len(point.frames["psnr"])
    return (
        f"{point.codec:5}  {point.setting:7g}  {point.bytes:9,}  {point.bits_per_pixel:10.4f}  "
        f"{point.mean('psnr'):7.2f}  {frames / point.encode_seconds:10.2f}  "
        f"{frames / point.decode_seconds:10.2f}"
    )


def caption(point: Point) -> str:
    return f"{point.codec}: {point.bits_per_pixel:.3f} bits a pixel, {point.mean('psnr'):.2f} dB"


def _make(folder: Path, overwrite: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        filled = any(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot write there ({error.strerror})") from None
    if filled and not overwrite:
        raise InputError(f"{folder}: holds files already; pass -y, or another --out")
