"""The search for a quality by rate, on curves that are made up."""

import math

import pytest

from kbvc_jax.encoder.rate_search import CLOSE, PASSES, search_quality
from kbvc_jax.rate import BEST, number_of


def searched(curve, wanted):
    """The point found, and the qualities tried; `curve` is of the numbers 0 to 100."""
    tried = []

    def rate_of(quality):
        assert isinstance(quality, int) and 0 <= quality <= BEST and quality not in tried
        tried.append(quality)
        return curve(number_of(quality))

    found = search_quality(rate_of, wanted)
    assert found.quality in tried and found.rate == curve(number_of(found.quality))
    return found, tried


def exponential(quality):
    return 1000 * math.exp(0.045 * quality)


def bent(quality):
    """Steeper the higher, as real ones are."""
    return 1000 * math.exp(0.02 * quality + 0.0004 * quality**2)


def flat_then_steep(quality):
    return 1000 + math.exp(0.15 * quality)


def with_a_leap(quality):
    return 1000 * math.exp(0.04 * quality) * (2 if quality > 61.3 else 1)


def jagged(quality):
    """Not even monotone."""
    return exponential(quality) * (1 + 0.05 * math.sin(40 * quality))


@pytest.mark.parametrize("curve", [exponential, bent])
@pytest.mark.parametrize("at", [0, 0.004, 3, 20, 49.9, 62, 88, 100])
def test_a_usual_curve_takes_few_passes(curve, at):
    found, tried = searched(curve, curve(at))
    assert abs(found.rate / curve(at) - 1) <= CLOSE and found.close
    assert len(tried) <= 5


@pytest.mark.parametrize("curve", [flat_then_steep, jagged])
@pytest.mark.parametrize("at", [0, 20, 40, 55, 80, 100])
def test_an_unusual_curve_is_searched_to_the_end(curve, at):
    found, tried = searched(curve, curve(at))
    assert abs(found.rate / curve(at) - 1) <= CLOSE and found.close
    assert len(tried) <= PASSES


@pytest.mark.parametrize(("factor", "end"), [(0.5, 0), (2, BEST)])
def test_a_rate_out_of_reach_gives_the_nearest_end(factor, end):
    found, tried = searched(bent, factor * bent(number_of(end)))
    assert found.quality == end and not found.close
    assert len(tried) <= 4


def test_a_rate_that_the_curve_leaps_over_gives_the_nearer_side():
    wanted = 1.3 * 1000 * math.exp(0.04 * 61.3)
    found, tried = searched(with_a_leap, wanted)
    assert not found.close and found.quality / 256 == pytest.approx(61.3, abs=0.5)
    assert found.rate < wanted and len(tried) <= PASSES
