"""rd.png: rate against quality, a panel for the set's average and one for each sequence."""

import math
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from kbvc_jax.evaluation.published import published_curves
from kbvc_jax.evaluation.results import METRICS, Results, average_curve, curve

COLUMNS = 3


def plot(results: Results, path: Path, metric: str = "psnr") -> None:
    panels = {f"{results.set}, average": None} | {name: name for name in results.sequences}
    if len(results.sequences) == 1:
        panels = {results.sequences[0]: results.sequences[0]}
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.5 * columns, 4.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (title, sequence) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        for codec in results.codec_names:
            if sequence is None:
                points = average_curve(results, codec, metric)
            else:
                points = curve(results.of(codec, sequence), metric)
            if points:
                ours = codec == results.codec_names[0]
                axes.plot(*zip(*points, strict=True), "o-", label=codec, lw=2.2 if ours else 1.2)
        if sequence is None:
            for name, points in published_curves(results.set, metric).items():
                axes.plot(*zip(*points, strict=True), ":", lw=1, label=f"{name} (published)")
        axes.set(title=title, xlabel="bits a pixel", ylabel=METRICS[metric][0], xscale="log")
        axes.grid(alpha=0.3, which="both")
        # A label at each of 1, 2, 5: all nine of a decade would overlap.
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
