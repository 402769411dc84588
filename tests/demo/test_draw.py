"""The demo's table and pictures, of made-up points."""

import numpy as np
import pytest
from PIL import Image

from kbvc_jax.demo.draw import draw_curves, draw_side_by_side, matched
from kbvc_jax.demo.points import Point, table


def point(codec, setting, size, psnr=30.0, grey=0):
    picture = np.full((32, 48, 3), grey, np.uint8)
    return Point(codec, setting, size, 80_000, psnr, 2.0, picture)


@pytest.fixture
def points():
    return [
        *(point("kbvc", f"q{q}", size) for q, size in ((10, 1000), (50, 3000), (90, 9000))),
        *(point("x265", f"crf {c}", size, grey=200) for c, size in ((20, 8000), (30, 2500))),
    ]


def test_the_table_has_a_row_a_point(points):
    header, *rows = table(points, frames=10).splitlines()
    assert header.split() == ["codec", "setting", "bytes", "bits/pixel", "PSNR", "dB", "fps"]
    assert len(rows) == len(points)
    assert rows[0].split() == ["kbvc", "q10", "1,000", "0.1000", "30.00", "5.00"]


def test_the_middle_point_is_shown_beside_the_others_nearest_in_rate(points):
    assert [p.setting for p in matched(points)] == ["q50", "crf 30"]


def test_the_side_by_side_picture_keeps_every_sample(points, tmp_path):
    source = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    draw_side_by_side(source, matched(points), tmp_path / "side.png")
    sheet = np.asarray(Image.open(tmp_path / "side.png"))
    assert np.array_equal(sheet[:32, :48], source)
    assert (sheet[:32, -48:] == 200).all()


def test_the_curves_are_drawn(points, tmp_path):
    draw_curves(points, "a clip", tmp_path / "rd.png")
    drawn = np.asarray(Image.open(tmp_path / "rd.png").convert("RGB"))
    assert drawn.shape[0] > 500
    orange = (drawn == (0xC2, 0x41, 0x0C)).all(-1)
    assert orange.sum() > 100
