"""Source, ours and another codec side by side at matched rate (Figure 6)."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Num
from PIL import Image

from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.contender import Contender
from kbvc_jax.evaluation.ours import BY_LAMBDA
from kbvc_jax.evaluation.results import Point
from kbvc_jax.runtime.errors import InputError

CROP = (360, 240)  # width and height of an automatic window
STEP = 16  # between the windows tried


@runtime_checkable
class Run(Protocol):
    """What pictures need of a run."""

    config: EvaluationConfig
    folder: Path
    clips: list[Clip]
    contenders: list[Contender]

    def point(self, contender: Contender, clip: Clip, setting: float) -> tuple[Point, Path]: ...


class Window(NamedTuple):
    frame: int
    x: int
    y: int
    width: int
    height: int


def check_crops(config: EvaluationConfig, clips: Sequence[Clip]) -> None:
    """Windows that lie in their frames, before anything runs."""
    by_name = {clip.name: clip for clip in clips}
    for name, *numbers in config.crops:
        clip, window = by_name.get(name), Window(*numbers)
        if clip is None:
            continue  # of another shard, or not chosen
        right, bottom = window.x + window.width, window.y + window.height
        inside = 0 <= window.x < right <= clip.format.width
        inside &= 0 <= window.y < bottom <= clip.format.height
        if not (inside and 0 <= window.frame < clip.frames):
            size = f"{clip.format.width}x{clip.format.height}, {clip.frames} frames"
            raise InputError(f"crops={(name, *numbers)}: not inside {name} ({size})")


def take_pictures(run: Run, points: list[Point], say: Callable[[str], None]) -> list[dict]:
    """Of the first codec beside the one of the config, where both were measured."""
    by_name = {contender.name: contender for contender in run.contenders}
    beside = run.config.beside
    others = [name for name in by_name if name != beside]
    if beside not in by_name or not others:
        return []
    chosen, out = by_name[others[0]], []
    for clip in run.clips:
        curves = [
            [p for p in points if (p.codec, p.sequence) == (name, clip.name)]
            for name in (chosen.name, beside)
        ]
        if not all(curves):
            continue
        for window in _windows(run, clip, len(out)):
            say(f"pictures: {clip.name}, frame {window.frame}")
            out.append(_picture(run, clip, window, chosen, by_name[beside], *curves))
    return out


def matched_setting(points: list[Point], size: int, between: bool = True) -> float:
    """The setting at which a codec's files would have `size` bytes: log-linear between points, or
    the point that is nearest."""
    ordered = sorted(points, key=lambda p: p.bytes)
    logs = [math.log(p.bytes) for p in ordered]
    if not between:
        return min(ordered, key=lambda p: abs(math.log(p.bytes / size))).setting
    return round(float(np.interp(math.log(size), logs, [p.setting for p in ordered])), 2)


def detailed_window(rgb: Num[np.ndarray, "h w 3"], frame: int) -> Window:
    """Where the source has most detail: chosen by the source alone, so that it favours nobody."""
    luma = rgb.astype(np.float32).mean(-1)
    detail = np.abs(np.diff(luma, axis=0))[:, :-1] + np.abs(np.diff(luma, axis=1))[:-1]
    sums = np.pad(detail, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    height, width = (min(side, limit) for side, limit in zip(luma.shape, CROP[::-1], strict=True))
    y, x = np.mgrid[0 : luma.shape[0] - height + 1 : STEP, 0 : luma.shape[1] - width + 1 : STEP]
    bottom, right = y + height - 1, x + width - 1
    energy = sums[bottom, right] - sums[y, right] - sums[bottom, x] + sums[y, x]
    best = np.unravel_index(energy.argmax(), energy.shape)
    return Window(frame, int(x[best]), int(y[best]), width, height)


def _windows(run: Run, clip: Clip, taken: int) -> list[Window]:
    if run.config.crops:
        return [Window(*crop[1:]) for crop in run.config.crops if crop[0] == clip.name]
    if taken >= run.config.pictures:
        return []
    frame = min(clip.frames // 2 | 1, clip.frames - 1)  # odd: a leaf of the hierarchy
    return [detailed_window(_frame_at(clip.read(), frame).rgb, frame)]


def _picture(
    run: Run,
    clip: Clip,
    window: Window,
    chosen: Contender,
    beside: Contender,
    points: list[Point],
    beside_points: list[Point],
) -> dict[str, Any]:
    middle = sorted(points, key=lambda p: p.bytes)[len(points) // 2].setting
    point, stream = run.point(chosen, clip, middle)
    models = beside.identity.get("setting") == BY_LAMBDA  # one for each point
    matched = matched_setting(beside_points, point.bytes, between=not models)
    other, other_stream = run.point(beside, clip, matched)
    stem = f"{clip.name}-" + "-".join(map(str, window))
    images = [
        _image(run.folder, stem, "source", clip.read(), window),
        _image(run.folder, stem, chosen.name, chosen.decode(stream, clip), window, point),
        _image(run.folder, stem, beside.name, beside.decode(other_stream, clip), window, other),
    ]
    return {"sequence": clip.name, **window._asdict(), "images": images}


def _image(
    folder: Path,
    stem: str,
    name: str,
    frames: Iterator[Frame],
    window: Window,
    point: Point | None = None,
) -> dict[str, Any]:
    rgb = _frame_at(frames, window.frame).rgb
    part = rgb[window.y : window.y + window.height, window.x : window.x + window.width]
    if part.dtype == np.uint16:  # 10 bits
        part = (part >> 2).astype(np.uint8)
    path = folder / "pictures" / f"{stem}-{name}.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(part).save(path)
    out: dict[str, Any] = {"name": name, "file": f"pictures/{path.name}"}
    if point is not None:
        out |= {
            "bits_per_pixel": point.bits_per_pixel,
            "psnr": point.frames["psnr"][window.frame],
        }
    return out


def _frame_at(frames: Iterator[Frame], index: int) -> Frame:
    return next(islice(frames, index, None))
