"""results.json: every point with its frames, and the conditions under which it was measured."""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kbvc_jax.evaluation.conditions import Conditions, differences
from kbvc_jax.runtime.errors import InputError

FORMAT = 1

# Metric: title, whether more is better.
METRICS = {
    "psnr": ("RGB PSNR, dB", True),
    "psnr_yuv_611": ("YUV PSNR (6Y+U+V)/8, dB", True),
    "psnr_yuv_411": ("YUV PSNR (4Y+U+V)/6, dB", True),
    "ms_ssim": ("MS-SSIM, RGB", True),
    "vmaf": ("VMAF", True),
    "lpips": ("LPIPS", False),
}


@dataclasses.dataclass(frozen=True)
class Point:
    """One real file: what it cost and, frame by frame, how close it came."""

    codec: str
    sequence: str
    setting: float  # quality, rate factor or quantiser
    bytes: int
    pixels: int  # of all frames
    sha256: str  # of the file
    encode_seconds: float
    decode_seconds: float
    made_by: str  # commit and backend
    frames: dict[str, list]  # column: a value for each frame

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.bytes / self.pixels

    def values(self, metric: str) -> list[float] | None:
        """A value a frame; None where the metric was not taken."""
        if metric.startswith("psnr_yuv"):
            if "psnr_u" not in self.frames:  # grey
                return None
            y, u, v = (np.array(self.frames[f"psnr_{plane}"]) for plane in "yuv")
            weight = int(metric[-3])
            return ((weight * y + u + v) / (weight + 2)).tolist()
        values = self.frames.get(metric)
        return None if values is None or None in values else values

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return None if values is None else float(np.mean(values))


@dataclasses.dataclass(frozen=True)
class Failure:
    codec: str
    sequence: str
    setting: float
    reason: str


@dataclasses.dataclass(frozen=True)
class Results:
    set: str
    conditions: Conditions
    environment: dict[str, Any]
    codecs: list[dict[str, Any]]  # name, kind, and everything that decides its bytes
    points: list[Point]
    failures: list[Failure] = dataclasses.field(default_factory=list)
    pictures: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def sequences(self) -> list[str]:
        return [sequence["name"] for sequence in self.conditions["sequences"]]

    @property
    def codec_names(self) -> list[str]:
        return [codec["name"] for codec in self.codecs]

    def of(self, codec: str, sequence: str) -> list[Point]:
        """A curve's points by rising rate."""
        found = [p for p in self.points if (p.codec, p.sequence) == (codec, sequence)]
        return sorted(found, key=lambda p: p.bytes)


def curve(points: Iterable[Point], metric: str = "psnr") -> list[tuple[float, float]]:
    values = [(p.bits_per_pixel, p.mean(metric)) for p in points]
    return [(rate, value) for rate, value in values if value is not None]


def average_curve(results: Results, codec: str, metric: str = "psnr") -> list[tuple[float, float]]:
    """Means over sequences at equal settings; settings that lack a sequence are left out."""
    by_setting: dict[float, list[Point]] = {}
    for point in results.points:
        if point.codec == codec:
            by_setting.setdefault(point.setting, []).append(point)
    out = []
    for points in by_setting.values():
        values = curve(points, metric)
        if len(values) == len(results.sequences):
            out.append(tuple(np.mean(values, axis=0).tolist()))
    return sorted(out)


def write_results(path: Path, results: Results) -> None:
    write_json(path, {"format": FORMAT, **dataclasses.asdict(results)})


def read_results(path: str | Path) -> Results:
    try:
        document = json.loads(Path(path).read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror})") from None
    except ValueError:
        raise InputError(f"{path}: not JSON; wanted the results.json of a run") from None
    found = document.pop("format", None) if isinstance(document, dict) else None
    if found != FORMAT:
        raise InputError(f"{path}: results format {found}; this version reads {FORMAT}")
    document.pop("notes", None)  # of runs before there were weights
    try:
        return Results(
            **{
                **document,
                "points": [Point(**point) for point in document["points"]],
                "failures": [Failure(**failure) for failure in document["failures"]],
            }
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged results ({error})") from None


def write_json(path: Path, document: Any) -> None:
    write_text(path, json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """All of it or nothing: an interruption leaves the old file."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(text)
    beside.replace(path)


def merge(parts: Sequence[Results]) -> Results:
    """The shards of one run; their conditions may differ in the sequences alone."""
    first = parts[0]
    for other in parts[1:]:
        unlike = differences(first.conditions, other.conditions, sequences=False)
        if unlike:
            raise InputError(f"cannot merge: {unlike[0]}; shards must be parts of one run")
    by_name = {s["name"]: s for part in parts for s in part.conditions["sequences"]}
    if len(by_name) != sum(len(part.sequences) for part in parts):
        raise InputError("cannot merge: a sequence occurs in two shards")
    codecs = {codec["name"]: codec for part in parts for codec in part.codecs}
    return dataclasses.replace(
        first,
        conditions={**first.conditions, "sequences": [by_name[name] for name in sorted(by_name)]},
        codecs=list(codecs.values()),
        points=[point for part in parts for point in part.points],
        failures=[failure for part in parts for failure in part.failures],
        pictures=[picture for part in parts for picture in part.pictures],
    )
