"""The quality that takes a wanted rate, found by coding at one quality after another.

The logarithm of the rate is nearly linear in quality. The next quality is where the line through
the two points next to the wanted rate meets it: beyond both, or by false position between them.
"""

import dataclasses
import math
from collections.abc import Callable

from kbvc_jax.rate import BEST, QUALITY_STEPS, Quality

CLOSE = 0.03  # of the wanted rate; so near is found
FIRST = Quality(BEST // 2)
GROWTH = 0.045 / QUALITY_STEPS  # usual, of the rate's logarithm with a step of quality
LEAST_GROWTH = GROWTH / 4
PASSES = 12  # at most


@dataclasses.dataclass(frozen=True)
class Point:
    quality: Quality
    rate: float
    excess: float  # logarithm of the rate by the wanted one

    @property
    def close(self) -> bool:
        return abs(math.expm1(self.excess)) <= CLOSE

    @property
    def halved(self) -> "Point":
        return dataclasses.replace(self, excess=self.excess / 2)


def search_quality(rate_of: Callable[[Quality], float], wanted: float) -> Point:
    """The first one that is close. Else the nearest: the wanted rate is beyond quality 0 or 100,
    or the curve leaps over it."""
    tried: list[Point] = []
    ends: dict[bool, Point] = {}  # the nearest quality whose rate is too small, and too large
    quality: Quality | None = FIRST
    while quality is not None and len(tried) < PASSES:
        rate = rate_of(quality)
        point = Point(quality, rate, math.log(rate / wanted))
        before = tried[-1] if tried else None
        tried.append(point)
        if point.close:
            break
        above = point.excess > 0
        if before and (before.excess > 0) == above and len(ends) == 2:
            ends[not above] = ends[not above].halved  # it would stay for ever (Illinois)
        ends[above] = point
        quality = _between(*ends.values()) if len(ends) == 2 else _beyond(before, point)
    return min(tried, key=lambda point: abs(point.excess))


def _between(one: Point, other: Point) -> Quality | None:
    """None where there is nothing."""
    low, high = sorted((one, other), key=lambda point: point.quality)
    span = high.quality - low.quality
    share = low.excess / (low.excess - high.excess)
    step = min(max(round(share * span), 1), span - 1)
    return Quality(low.quality + step) if span > 1 else None


def _beyond(before: Point | None, last: Point) -> Quality | None:
    """None where the range ends."""
    growth = GROWTH
    if before:
        slope = (last.excess - before.excess) / (last.quality - before.quality)
        growth = max(slope, LEAST_GROWTH)
    quality = min(max(last.quality - round(last.excess / growth), 0), BEST)
    return Quality(quality) if quality != last.quality else None
