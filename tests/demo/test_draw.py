"""The demo's picture, of made-up points."""

import numpy as np
import pytest
from PIL import Image

from kbvc_jax.demo.draw import CAPTION, draw_side_by_side, matched
from kbvc_jax.evaluation.results import Point


def point(codec, setting, size, psnr):
    return Point(
        codec, "clip", float(setting), size, 80_000, "", 2.0, 1.0, "", {"psnr": [psnr, psnr]}
    )


@pytest.fixture
def points():
    ours = ((95, 9000, 40.0), (5, 1000, 28.0), (50, 3000, 34.0))
    theirs = ((20, 8000, 39.0), (30, 2500, 33.0))
    return [point("kbvc", *p) for p in ours] + [point("x265", *p) for p in theirs]


def test_the_middle_point_is_shown_beside_the_others_nearest_in_rate(points):
    assert [(p.codec, p.setting) for p in matched(points, "kbvc")] == [("kbvc", 50), ("x265", 30)]


def test_the_side_by_side_picture_keeps_every_sample(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8)
    draw_side_by_side(list(zip("abc", pictures, strict=True)), tmp_path / "side.png")
    sheet = np.asarray(Image.open(tmp_path / "side.png"))
    below = 32 + CAPTION
    assert np.array_equal(sheet[:32, :48], pictures[0])
    assert np.array_equal(sheet[:32, -48:], pictures[1])
    assert np.array_equal(sheet[below : below + 32, :48], pictures[2])
    assert (sheet[32:below] < 128).any()  # captions
