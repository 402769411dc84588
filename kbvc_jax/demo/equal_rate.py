"""The setting by which a codec takes as many bytes as another."""

from collections.abc import Sequence

import numpy as np

from kbvc_jax.evaluation.results import Point


def setting_between(points: Sequence[Point], size: int) -> float:
    """Where the line through a codec's points, of setting by log rate, has `size` bytes; its end
    where no point is as small or as large."""
    rising = sorted(points, key=lambda point: point.bytes)
    rates = np.log([point.bytes for point in rising])
    setting = np.interp(np.log(size), rates, [point.setting for point in rising])
    return round(float(setting), 2)


def nearest(points: Sequence[Point], size: int) -> int:
    """The place of the point that takes about as many bytes."""
    return int(np.argmin([abs(np.log(point.bytes / size)) for point in points]))
