"""The demo's picture."""

import numpy as np
from PIL import Image

from kbvc_jax.demo.draw import CAPTION, draw_side_by_side


def test_the_side_by_side_picture_keeps_every_sample(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8)
    draw_side_by_side(list(zip("abc", pictures, strict=True)), tmp_path / "side.png")
    sheet = np.asarray(Image.open(tmp_path / "side.png"))
    below = 32 + CAPTION
    assert np.array_equal(sheet[:32, :48], pictures[0])
    assert np.array_equal(sheet[:32, -48:], pictures[1])
    assert np.array_equal(sheet[below : below + 32, :48], pictures[2])
    assert (sheet[32:below] < 128).any()  # captions
