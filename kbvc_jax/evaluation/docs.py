"""docs/results/: a folder a set, from results.json files; docs/results.md: all sets, summed up.

results.json --- docs/results/SET/{about.json, points.csv, levels.csv, bd-rates.csv} --- results.md

A set that is measured anew replaces its folder; the others stay.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kbvc_jax.evaluation.comparison import ANCHOR, Comparison, compare_all, compare_published
from kbvc_jax.evaluation.overview import page
from kbvc_jax.evaluation.results import METRICS, Results, write_text
from kbvc_jax.evaluation.tables import level_rows, rate_distortion_rows

TARGET = Path("docs/results.md")
BD_RATES = ("metric", "codec", "against", "clip", "per cent", "why refused")


def write_docs(results: Sequence[Results], target: Path = TARGET) -> None:
    sets = target.with_suffix("")
    for each in results:
        _write_set(each, sets / slug(each.set))
    write_text(target, page(sorted(sets.iterdir())))


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def portable(command: str) -> str:
    """Without the folders that lead to data on one machine."""
    return re.sub(r"(?<=[=,])/[^\s,]*/", "", command)


def _write_set(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "about.json"
    remark = json.loads(about.read_text()).get("remark") if about.exists() else None
    header, rows = rate_distortion_rows(results)
    write_csv(folder / "points.csv", header, rows)
    write_csv(folder / "levels.csv", *level_rows(results))
    write_csv(folder / "bd-rates.csv", BD_RATES, _bd_rows(results))
    text = json.dumps({**_about(results), "remark": remark}, indent=2)
    write_text(about, text + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())


def _about(results: Results) -> dict[str, Any]:
    conditions, environment = results.conditions, results.environment
    return {
        "set": results.set,
        "command": portable(environment["command"]),
        "clips": _clips(results),
        "frames": [s["frames"] for s in conditions["sequences"]],
        "intra period": conditions["intra_period"],
        "codecs": {
            codec["name"]: {
                "B-frames": codec.get("b_frames"),
                "GoP": codec.get("gop"),
                "fps": [_speed(results, codec["name"], side) for side in ("encode", "decode")],
            }
            for codec in results.codecs
            if codec["kind"] == "kbvc"
        },
        "version": environment["version"],
        "commit": environment["commit"],
        "machine": f"{environment['machine']} ({', '.join(sorted(set(environment['devices'])))})",
        "failed": [f"{f.codec} on {f.sequence}: {f.reason}" for f in results.failures],
    }


def _speed(results: Results, codec: str, side: str) -> float | None:
    points = [p for p in results.points if p.codec == codec]
    seconds = sum(getattr(p, f"{side}_seconds") for p in points)
    return round(sum(len(p.frames["psnr"]) for p in points) / seconds, 2) if seconds else None


def _bd_rows(results: Results) -> list[tuple[str, ...]]:
    """Of every two codecs once, and of published curves, by metric and clip."""
    rows = []
    for metric in ("psnr", "ms_ssim"):
        if any(point.mean(metric) is None for point in results.points):
            continue
        title = METRICS[metric][0].removesuffix(", dB")
        for c in _comparisons(results, metric) + compare_published(results, metric):
            clips = {**c.sequences, "mean": c.mean, "average curve": c.average}
            rows += [
                (title, c.codec, c.anchor, clip, percent(rate.percent), rate.reason)
                for clip, rate in clips.items()
            ]
    return rows


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _comparisons(results: Results, metric: str) -> list[Comparison]:
    """Every two codecs once, ANCHOR being that of all others."""
    names = sorted(results.codec_names, key=lambda name: name == ANCHOR)
    found = []
    for place in range(len(names) - 1, 0, -1):
        rows = compare_all(results, names[place], metric)
        found += [row for row in rows if row.codec in names[:place]]
    return found


def _clips(results: Results) -> list[str]:
    """One line for all sequences that share everything but their names and lengths."""
    groups: dict[str, list[str]] = {}
    for s in results.conditions["sequences"]:
        colour = f"BT.{s['matrix']} {'full' if s['full_range'] else 'limited'} range"
        kind = f"{s['width']}x{s['height']}, {s['bit_depth']} bits, chroma {s['chroma']}, {colour}"
        groups.setdefault(kind, []).append(f"{s['name']} ({s['frames']})")
    return [f"{', '.join(names)}: {kind}" for kind, names in groups.items()]
