"""docs/results.md from the folders under docs/results/: one table of all, then a part a set."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kbvc_jax.evaluation.tables import markdown_table

HEAD = """# Results

Written by `python eval.py --write-docs RESULTS...`, not by hand, from `docs/results/`, which
holds every point as CSV. A point is a real file: written, decoded from its bytes, compared with the
source frame by frame; rate is the file's size. A figure is comparable with figures of the same
conditions alone.

BD-rates are means over the clips, negative where ours needs fewer bits; "refused": the curves share
less than half of their quality range. x264 and x265 are `-preset veryslow -tune psnr` with an
I-frame every "keyint" frames, ours too; but before version 0.20.0 ours had one every GoP, by `--gop
auto` one every 32, so that older rows where GoP and keyint differ compare unlike intra periods. SSF
is the published curve of scale-space flow, where the set has one. Speeds are those of the
evaluation, its first compilation included; [performance.md](performance.md) has the others.
"""
ANCHORS = ("x264", "x265")
METRICS = ("RGB PSNR", "MS-SSIM, RGB")
COLUMNS = ("set", "codec", "B-frames", "frames", "GoP", "keyint")
OF_ALL = ("mean", "average curve")
MOST_CLIPS = 10  # that a table on a page has columns for
Rates = Mapping[tuple[str, ...], str]  # metric, codec, against, clip


def page(folders: Sequence[Path]) -> str:
    sets = [(folder, *_read(folder)) for folder in folders if (folder / "about.json").exists()]
    rates = [f"{anchor}, {metric.split(',')[0]}" for metric in METRICS for anchor in ANCHORS]
    header = [*COLUMNS, *rates, "SSF, RGB PSNR", "encode fps", "decode fps", "version"]
    rows = [row for _, about, bd in sets for row in _summary(about, bd)]
    parts = [HEAD, markdown_table(header, rows)]
    if not rows:
        parts[1:] = ["The anchors alone are measured here."]
    for folder, about, bd in sets:
        parts += _section(folder.name, about, bd)
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _read(folder: Path) -> tuple[dict[str, Any], Rates]:
    with (folder / "bd-rates.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    rates = {tuple(row[:4]): f"{row[4]} %" if row[4] else "refused" for row in rows}
    return json.loads((folder / "about.json").read_text()), rates


def _summary(about: Mapping[str, Any], bd: Rates) -> list[list[str]]:
    rows = []
    for name, codec in about["codecs"].items():
        found = [bd.get((m, name, a, "mean"), "") for m in METRICS for a in ANCHORS]
        ssf = [
            rate
            for (metric, ours, against, clip), rate in bd.items()
            if (metric, ours, clip) == (METRICS[0], name, "average curve")
            and against.startswith("ssf")
        ]
        frames = "-".join(dict.fromkeys(str(f(about["frames"])) for f in (min, max)))
        rows.append(
            [about["set"], name, codec["B-frames"] or "none", frames, str(codec["GoP"])]
            + [str(about["intra period"]), *found, ", ".join(ssf)]
            + [f"{fps:.2f}" if fps else "" for fps in codec["fps"]]
            + [about["version"]]
        )
    return rows


def _section(name: str, about: Mapping[str, Any], bd: Rates) -> list[str]:
    files = [f"[{file}](results/{name}/{file})" for file in ("points.csv", "levels.csv")]
    files.append(f"[bd-rates.csv](results/{name}/bd-rates.csv)")
    commit = f", commit {about['commit']}" if about["commit"] else ""
    return [
        f"## {about['set']}",
        f"```\n{about['command']}\n```",
        about["remark"] or "",
        "\n".join(f"{line}. In brackets: frames." for line in about["clips"]),
        _clip_table(about, bd),
        "\n".join(f"Failed: {line}." for line in about["failed"]),
        f"{', '.join(files)}. Version {about['version']}{commit}, on {about['machine']}.",
    ]


def _clip_table(about: Mapping[str, Any], bd: Rates) -> str:
    """BD-rate by PSNR of each clip, against the first anchor that there is, or else what ours are
    compared with."""
    others = list(dict.fromkeys(against for _, _, against, _ in bd))
    anchor = min((other for other in others if other in ANCHORS), default=(*others, None)[0])
    clips = list(dict.fromkeys(clip for _, _, against, clip in bd if against == anchor))
    clips.sort(key=lambda clip: clip not in OF_ALL)
    if anchor is None or len(clips) > MOST_CLIPS + 2:
        return ""
    rows = [
        [name, *(bd.get((METRICS[0], name, anchor, clip), "") for clip in clips)]
        for name in about["codecs"]
        if name != anchor
    ]
    return markdown_table([f"against {anchor}, RGB PSNR", *clips], rows)
