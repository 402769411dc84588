import pytest

from kbvc_jax.evaluation.bd import bd_rate

ANCHOR = [(0.1, 30.0), (0.2, 33.0), (0.4, 36.0), (0.8, 39.0)]


def scaled(factor, shift=0.0):
    return [(rate * factor, quality + shift) for rate, quality in ANCHOR]


@pytest.mark.parametrize("method", ["pchip", "cubic"])
def test_a_curve_at_four_fifths_of_the_rate_saves_twenty_per_cent(method):
    assert bd_rate(ANCHOR, scaled(0.8), method).percent == pytest.approx(-20)


def test_the_order_of_the_points_does_not_matter():
    assert bd_rate(ANCHOR[::-1], scaled(1.1)).percent == pytest.approx(10)


def test_the_range_is_the_one_that_both_curves_share():
    found = bd_rate(ANCHOR, scaled(1.0, shift=1.0))
    assert (found.low, found.high) == (31.0, 39.0)
    assert found.percent == pytest.approx(100 * (2 ** (-1 / 3) - 1))  # 1 dB of 3 a doubling


def test_curves_that_share_little_are_refused():
    found = bd_rate(ANCHOR, scaled(1.0, shift=7.0))
    assert found.percent is None
    assert "share 12% of their quality range" in found.reason


def test_curves_that_do_not_meet_are_refused():
    assert bd_rate(ANCHOR, scaled(1.0, shift=20.0)).percent is None


def test_a_curve_that_falls_is_refused():
    falling = [*ANCHOR[:3], (0.8, 35.0)]
    assert bd_rate(ANCHOR, falling).reason == "the curve of the tested codec is not monotone"


def test_too_few_points_are_refused():
    assert bd_rate(ANCHOR[:3], ANCHOR).reason == "the anchor has 3 points, needs 4"
