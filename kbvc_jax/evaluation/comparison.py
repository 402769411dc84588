"""BD-rates: of each sequence, their mean, and of the averaged curve."""

import dataclasses
from collections.abc import Callable

import numpy as np

from kbvc_jax.evaluation.bd import BdRate, Curve, bd_rate
from kbvc_jax.evaluation.conditions import differences
from kbvc_jax.evaluation.published import published_curves
from kbvc_jax.evaluation.results import METRICS, Results, average_curve, curve
from kbvc_jax.runtime.errors import InputError

Compare = Callable[[Curve, Curve], BdRate]
PUBLISHED = " (published)"
ANCHOR = "x265"  # of all others, where nobody chose one


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One codec against the anchor."""

    codec: str
    anchor: str
    metric: str
    sequences: dict[str, BdRate]
    mean: BdRate  # of the sequences
    average: BdRate  # of the averaged curves


def compare_all(results: Results, anchor: str, metric: str = "psnr") -> list[Comparison]:
    """Of the codecs of one run, and against published curves where the set has any."""
    check_metric(metric)
    names = results.codec_names
    if anchor not in names:
        raise InputError(f"anchor {anchor}: not in the results; there are {', '.join(names)}")
    compare = comparer(results, metric)
    return [
        against(results, name, results, anchor, metric, compare) for name in names if name != anchor
    ]


def compare_published(results: Results, metric: str = "psnr") -> list[Comparison]:
    """Of the averaged curves; what a single sequence gave was not published."""
    compare = comparer(results, metric)
    unknown = BdRate(None, "published as an average alone")
    return [
        Comparison(
            codec,
            name + PUBLISHED,
            metric,
            {},
            unknown,
            compare(published, average_curve(results, codec, metric)),
        )
        for codec in results.codec_names
        for name, published in published_curves(results.set, metric).items()
    ]


def compare_results(
    a: Results, b: Results, anchor: str | None, metric: str = "psnr", unlike: bool = False
) -> list[Comparison]:
    """Every codec of b against one of a; against its namesake where none is chosen."""
    check_metric(metric)
    if (found := differences(a.conditions, b.conditions)) and not unlike:
        raise InputError(f"conditions differ: {'; '.join(found)}; compare anyway with --unlike")
    if anchor is not None and anchor not in a.codec_names:
        raise InputError(f"anchor {anchor}: not in {', '.join(a.codec_names)}")
    compare = comparer(a, metric)
    pairs = [(name, anchor or name) for name in b.codec_names if anchor or name in a.codec_names]
    if not pairs:
        raise InputError("the results share no codec; choose one of the first with --anchor")
    return [against(b, name, a, reference, metric, compare) for name, reference in pairs]


def against(
    tested: Results, codec: str, base: Results, anchor: str, metric: str, compare: Compare
) -> Comparison:
    rows = {
        name: compare(curve(base.of(anchor, name), metric), curve(tested.of(codec, name), metric))
        for name in tested.sequences
        if name in base.sequences
    }
    average = compare(average_curve(base, anchor, metric), average_curve(tested, codec, metric))
    return Comparison(codec, anchor, metric, rows, _mean(rows), average)


def comparer(results: Results, metric: str) -> Compare:
    config = results.environment["config"]
    sign = 1 if METRICS[metric][1] else -1  # LPIPS falls with rate

    def compare(anchor: Curve, test: Curve) -> BdRate:
        def signed(curve: Curve) -> Curve:
            return [(rate, sign * value) for rate, value in curve]

        method, overlap = config["interpolation"], config["minimum_overlap"]
        return bd_rate(signed(anchor), signed(test), method, overlap)

    return compare


def check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise InputError(f"metric {metric}: there are {', '.join(METRICS)}")


def _mean(rows: dict[str, BdRate]) -> BdRate:
    refused = [name for name, row in rows.items() if row.percent is None]
    if refused or not rows:
        return BdRate(None, f"refused for {', '.join(refused)}" if refused else "no sequences")
    percents = [row.percent for row in rows.values() if row.percent is not None]
    return BdRate(float(np.mean(percents)))
