"""docs/results.md, written from results.json files."""

import re
from collections.abc import Sequence
from pathlib import Path

from kbvc_jax.evaluation.comparison import ANCHOR, Comparison, compare_all, compare_published
from kbvc_jax.evaluation.results import METRICS, Results, write_text
from kbvc_jax.evaluation.tables import (
    comparison_rows,
    level_rows,
    markdown_table,
    rate_distortion_rows,
    refusals,
)

TARGET = Path("docs/results.md")

HEAD = """# Results

Written by `python eval.py --write-docs RESULTS...`, not by hand. Every point is a real file:
written, decoded from its bytes, compared with the source frame by frame. Rate is the file's size. A
figure is comparable with figures of the same conditions alone.
"""


def write_docs(results: Sequence[Results], target: Path = TARGET) -> None:
    parts = [HEAD]
    if not any(codec["kind"] == "kbvc" for each in results for codec in each.codecs):
        parts.append("The anchors alone are measured here.")
    parts += [part for each in results for part in _section(each)]
    target.parent.mkdir(exist_ok=True)
    write_text(target, "\n\n".join(part.strip() for part in parts) + "\n")


def _section(results: Results) -> list[str]:
    conditions, environment = results.conditions, results.environment
    parts = [
        f"## {results.set}",
        f"```\n{portable(environment['command'])}\n```",
        _conditions(results),
    ]
    parts.append(markdown_table(*rate_distortion_rows(results, speeds=False)))
    header, levels = level_rows(results)
    if levels:
        parts += ["Where the bits go:", markdown_table(header, levels)]
    for metric in ("psnr", "ms_ssim"):
        comparisons = _comparisons(results, metric) + compare_published(results, metric)
        if any(point.mean(metric) is None for point in results.points) or not comparisons:
            continue
        parts.append(f"BD-rate by {METRICS[metric][0]} (negative: fewer bits at equal quality):")
        parts.append(markdown_table(*comparison_rows(comparisons)))
        parts.append("\n".join(f"- {line}" for line in refusals(comparisons)))
    parts += [f"Failed: {f.codec} on {f.sequence}: {f.reason}." for f in results.failures]
    gop = f"{conditions['gop']}, intra period of the anchors {conditions['intra_period']}"
    parts.append(
        f"Group of pictures {gop}. Code: version {environment['version']}, commit "
        f"{environment['commit']}, on {environment['machine']} "
        f"({', '.join(sorted(set(environment['devices'])))}). Speed: benchmarks/coding.py."
    )
    return [part for part in parts if part]


def _comparisons(results: Results, metric: str) -> list[Comparison]:
    """Every two codecs once, ANCHOR being that of all others."""
    names = sorted(results.codec_names, key=lambda name: name == ANCHOR)
    found = []
    for place in range(len(names) - 1, 0, -1):
        rows = compare_all(results, names[place], metric)
        found += [row for row in rows if row.codec in names[:place]]
    return found


def portable(command: str) -> str:
    """Without the folders that lead to data on one machine."""
    return re.sub(r"(?<=[=,])/[^\s,]*/", "", command)


def _conditions(results: Results) -> str:
    """One line for all sequences that share everything but their names and lengths."""
    groups: dict[str, list[str]] = {}
    for s in results.conditions["sequences"]:
        colour = f"BT.{s['matrix']} {'full' if s['full_range'] else 'limited'} range"
        kind = f"{s['width']}x{s['height']}, {s['bit_depth']} bits, chroma {s['chroma']}, {colour}"
        groups.setdefault(kind, []).append(f"{s['name']} ({s['frames']})")
    return "\n".join(
        f"{', '.join(names)}: {kind}. In brackets: frames." for kind, names in groups.items()
    )
