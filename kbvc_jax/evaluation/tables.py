"""What a run says on the terminal."""

from collections.abc import Sequence

import numpy as np

from kbvc_jax.evaluation.comparison import Comparison
from kbvc_jax.evaluation.results import METRICS, Point, Results

SHORT = {"psnr": "RGB", "psnr_yuv_611": "YUV 6:1:1", "psnr_yuv_411": "YUV 4:1:1"}


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, figures to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = "|---|" + "---:|" * (len(header) - 1)
    return "\n".join(["| " + " | ".join(header) + " |", line]) + "".join(
        "\n| " + " | ".join(row) + " |" for row in rows
    )


def rate_distortion_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """A row for each codec and setting: means over the sequences that have it."""
    metrics = [m for m in METRICS if any(p.mean(m) is not None for p in results.points)]
    titles = [SHORT.get(metric, METRICS[metric][0]) for metric in metrics]
    header = ["codec", "setting", "bits/pixel", *titles, "encode fps", "decode fps"]
    rows = []
    for codec in results.codecs:
        for setting in sorted({p.setting for p in results.points if p.codec == codec["name"]}):
            points = [p for p in results.points if (p.codec, p.setting) == (codec["name"], setting)]
            rows.append(
                [
                    codec["name"],
                    f"{codec['setting']} {setting:g}",
                    f"{np.mean([p.bits_per_pixel for p in points]):.4f}",
                    *(_mean(points, metric) for metric in metrics),
                    _speed(points, "encode_seconds"),
                    _speed(points, "decode_seconds"),
                ]
            )
    return header, rows


def level_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Where the bits go: I- and P-frames, inner B-frames, leaves; y and z."""
    header = ["codec", "quality", "level", "frames", "bits/pixel", "of all bits", "z share", "RGB"]
    rows = []
    for codec in (c for c in results.codecs if c["kind"] == "kbvc"):
        for setting in sorted({p.setting for p in results.points if p.codec == codec["name"]}):
            points = [p for p in results.points if (p.codec, p.setting) == (codec["name"], setting)]
            rows += [[codec["name"], f"{setting:g}", *row] for row in _levels(points)]
    return header, rows


def comparison_rows(
    comparisons: Sequence[Comparison], *, sequences: bool = True
) -> tuple[list[str], list[list[str]]]:
    """BD-rates: of all, then a column a sequence."""
    names = sorted({name for c in comparisons for name in c.sequences}) if sequences else []
    header = ["codec", "against", "mean", "of the average curve", *names]
    rows = [
        [
            c.codec,
            c.anchor,
            str(c.mean),
            str(c.average),
            *(str(c.sequences[name]) if name in c.sequences else "-" for name in names),
        ]
        for c in comparisons
    ]
    return header, rows


def refusals(comparisons: Sequence[Comparison]) -> list[str]:
    """Why a BD-rate is missing."""
    out = []
    for c in comparisons:
        rows = {**c.sequences, "average curve": c.average}
        for name, row in rows.items():
            if row.percent is None:
                out.append(f"{c.codec} against {c.anchor}, {name}: refused, {row.reason}")
    return out


def summary(results: Results, comparisons: Sequence[Comparison]) -> str:
    parts = [text_table(*rate_distortion_rows(results))]
    if levels := level_rows(results)[1]:
        parts.append(text_table(level_rows(results)[0], levels))
    if comparisons:
        few = len(results.sequences) <= 8  # more do not fit a terminal; the report has them all
        parts.append(
            f"BD-rate by {METRICS[comparisons[0].metric][0]}:\n"
            + text_table(*comparison_rows(comparisons, sequences=few))
        )
        parts += ["\n".join(refusals(comparisons))]
    return "\n\n".join(part for part in parts if part)


_PLACES = {("I", 0): "I", ("P", 0): "P", ("B", 1): "inner B", ("B", 2): "leaf B"}


def _levels(points: Sequence[Point]) -> list[list[str]]:
    frames = [
        ((kind, level), y, z, value, point.pixels / len(point.frames["level"]))
        for point in points
        for kind, level, y, z, value in zip(
            *(point.frames[name] for name in ("kind", "level", "bits_y", "bits_z", "psnr")),
            strict=True,
        )
    ]
    total = sum(y + z for _, y, z, _, _ in frames)
    rows = []
    for place, name in _PLACES.items():
        of_level = np.array([row[1:] for row in frames if row[0] == place])
        if len(of_level):
            y, z, values, pixels = of_level.T
            bits = (y + z).sum()
            rows.append(
                [
                    name,
                    str(len(of_level)),
                    f"{bits / pixels.sum():.4f}",
                    f"{bits / total:.1%}",
                    f"{z.sum() / bits:.1%}" if bits else "-",
                    f"{values.mean():.2f}",
                ]
            )
    return rows


def _mean(points: Sequence[Point], metric: str) -> str:
    values = [point.mean(metric) for point in points]
    if None in values:
        return "-"
    mean = float(np.mean([v for v in values if v is not None]))
    return f"{mean:.4f}" if metric in ("ms_ssim", "lpips") else f"{mean:.2f}"


def _speed(points: Sequence[Point], field: str) -> str:
    frames = sum(len(point.frames["psnr"]) for point in points)
    return f"{frames / max(sum(getattr(point, field) for point in points), 1e-9):.2f}"
