"""The setting of equal rate, of made-up points."""

import pytest

from kbvc_jax.demo.equal_rate import nearest, setting_between
from kbvc_jax.evaluation.results import Point


def point(setting, size):
    return Point("x265", "clip", float(setting), size, 80_000, "", 2.0, 1.0, "", {"psnr": [30.0]})


POINTS = [point(20, 8000), point(30, 2000), point(40, 500)]


@pytest.mark.parametrize(("size", "setting"), [(4000, 25), (2000, 30), (1000, 35)])
def test_half_the_rate_is_half_the_way_where_ten_settings_quarter_it(size, setting):
    assert setting_between(POINTS, size) == setting
    assert setting_between(POINTS[::-1], size) == setting


@pytest.mark.parametrize(("size", "setting"), [(9000, 20), (400, 40)])
def test_beyond_all_points_the_last_one_is_taken(size, setting):
    assert setting_between(POINTS, size) == setting


@pytest.mark.parametrize(("size", "place"), [(3900, 1), (4100, 0), (10, 2)])
def test_nearest_is_by_ratio(size, place):
    assert nearest(POINTS, size) == place
