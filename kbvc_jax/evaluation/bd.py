"""Bjontegaard's delta rate: the mean difference in rate of two curves at equal quality."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import cast

import numpy as np

MINIMUM_POINTS = 4
Curve = Sequence[tuple[float, float]]  # (rate, quality)


@dataclasses.dataclass(frozen=True)
class BdRate:
    """Per cent of rate saved (negative) or added; None with a reason where it would mislead."""

    percent: float | None
    reason: str = ""
    low: float = 0.0  # the quality range that both curves share
    high: float = 0.0
    overlap: float = 0.0  # its part of the range that either covers

    def __str__(self) -> str:
        return f"{self.percent:+.2f} %" if self.percent is not None else "refused"


def bd_rate(
    anchor: Curve, test: Curve, method: str = "pchip", minimum_overlap: float = 0.5
) -> BdRate:
    """Of `test` against `anchor`."""
    curves = []
    for name, curve in (("the anchor", anchor), ("the tested codec", test)):
        ordered = np.array(sorted(curve), np.float64).reshape(-1, 2)
        if len(ordered) < MINIMUM_POINTS:
            return BdRate(None, f"{name} has {len(ordered)} points, needs {MINIMUM_POINTS}")
        if (np.diff(ordered, axis=0) <= 0).any():
            return BdRate(None, f"the curve of {name} is not monotone")
        curves.append(ordered.T)
    (rate_a, quality_a), (rate_b, quality_b) = curves
    low, high = max(quality_a[0], quality_b[0]), min(quality_a[-1], quality_b[-1])
    total = max(quality_a[-1], quality_b[-1]) - min(quality_a[0], quality_b[0])
    overlap = max(high - low, 0.0) / total
    if overlap < minimum_overlap:
        reason = (
            f"the curves share {overlap:.0%} of their quality range, needs {minimum_overlap:.0%}"
        )
        return BdRate(None, reason, low, high, overlap)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bjontegaard

        percent = bjontegaard.bd_rate(
            rate_a,
            quality_a,
            rate_b,
            quality_b,
            method=method,
            require_matching_points=False,
            min_overlap=0,
        )
    return BdRate(float(cast(float, percent)), "", low, high, overlap)
