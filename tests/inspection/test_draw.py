"""Panels as pictures of a frame's size, and sheets of them."""

import numpy as np
import pytest

from kbvc_jax.inspection import colours
from kbvc_jax.inspection.draw import WIDTH, draw, reach_of
from kbvc_jax.inspection.sheet import COLUMNS, GAP, draw_sheet
from kbvc_jax.models.codecs.contract import BLOCK, Size
from kbvc_jax.models.codecs.panels import (
    Bits,
    Choice,
    Difference,
    Flow,
    Image,
    Kernels,
    Names,
    Share,
)

SIZE = Size(34, 50)
RNG = np.random.default_rng(0)


def flow(x: float, y: float) -> Flow:
    return Flow(np.broadcast_to(np.array([x, y], np.float32), (48, 64, 2)))


PANELS = {
    "image": Image(RNG.random((48, 64, 3), np.float32)),
    "difference": Difference(RNG.normal(0, 0.01, (48, 64, 3)).astype(np.float32)),
    "flow": flow(3.0, 4.0),
    "share": Share(RNG.random((48, 64), np.float32)),
    "bits": Bits(RNG.random((3, 4))),
    "choice": Choice(RNG.integers(0, 2, (3, 4)), Names(("one", "other"))),
    "kernels": Kernels(RNG.normal(size=(3, 3, 5, 5))),
}


@pytest.mark.parametrize("name", [name for name in PANELS if name != "kernels"])
def test_a_panel_is_drawn_as_large_as_the_frame(name):
    assert draw(PANELS[name], SIZE, 5.0).picture.shape == (*SIZE, 3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [name for name in PANELS if name != "choice"])
def test_numbers_of_a_run_that_diverges_are_drawn_without_complaint(name, wrong):
    array = np.array(PANELS[name][0])
    array[0] = wrong
    with np.errstate(invalid="raise"):
        draw_sheet([""], [{"wrong": type(PANELS[name])(array)}], SIZE)


def test_an_image_keeps_every_sample():
    samples = RNG.integers(0, 256, (48, 64, 3))
    drawn = draw(Image(samples / 255), SIZE, 1.0)
    np.testing.assert_array_equal(drawn.picture, samples[: SIZE.height, : SIZE.width])


def test_a_position_of_a_latent_covers_its_block():
    bits = np.zeros((3, 4))
    bits[1, 2] = 7.0
    light = draw(Bits(bits), SIZE, 1.0).picture.astype(int).sum(-1) > 384
    rows, columns = np.nonzero(light)
    assert (rows.min(), rows.max()) == (BLOCK, 2 * BLOCK - 1)
    assert (columns.min(), columns.max()) == (2 * BLOCK, 3 * BLOCK - 1)


def test_a_difference_of_nothing_is_grey_and_a_small_one_is_drawn_larger():
    samples = np.zeros((48, 64, 3))
    samples[:24] = 0.02
    picture = draw(Difference(samples), SIZE, 1.0).picture.astype(int)
    assert np.abs(picture[24:] - 128).max() <= 1
    assert np.abs(picture[:24] - 128).min() > 10 * 0.02 * 255
    large = draw(Difference(25 * samples), SIZE, 1.0).picture.astype(int)
    assert np.abs(large[:24] - 128).min() > 120


@pytest.mark.parametrize(("longest", "reach"), [(0, 0.5), (1.5, 2), (5, 5), (7, 10), (120, 200)])
def test_all_motion_of_a_sheet_has_one_round_scale(longest, reach):
    assert reach_of([flow(0, 0), flow(longest, 0), PANELS["image"]]) == reach


def test_the_scale_of_motion_is_what_has_all_of_its_colour():
    right = draw(flow(3.0, 0.0), SIZE, 3.0).picture
    half = draw(flow(3.0, 0.0), SIZE, 6.0).picture
    assert (right == [255, 0, 0]).all() and (half == [255, 128, 128]).all()


def test_modes_have_their_colours_and_only_those_there_are_stand_in_the_legend():
    names = Names(("by z", "copy", "never"))
    drawn = draw(Choice(np.array([[0, 1, 1, 1]] * 3), names), SIZE, 1.0)
    np.testing.assert_array_equal(drawn.picture[0, 0], colours.CHOICES[0])
    np.testing.assert_array_equal(drawn.picture[0, -1], colours.CHOICES[1])
    told = {tuple(colour) for colour in np.asarray(drawn.legend).reshape(-1, 3).tolist()}
    first, second, third = (tuple(colour) for colour in colours.CHOICES[:3].tolist())
    assert {first, second} <= told and third not in told


def test_kernels_lie_as_their_pixels_do():
    taps = np.zeros((3, 3, 5, 5))
    taps[0, 2] = 1.0
    picture = draw(Kernels(taps), SIZE, 1.0).picture.astype(int)
    height, width = picture.shape[:2]
    red = picture[..., 0] - picture[..., 2] > 50
    assert red[: height // 3 - 1, 2 * width // 3 + 2 :].all()
    assert not red[height // 3 + 1 :].any() and not red[:, : 2 * width // 3 - 2].any()


def test_a_sheet_has_its_panels_in_columns_and_each_part_in_rows_of_its_own():
    sheet = draw_sheet(["a title"], [PANELS], SIZE)
    assert sheet.shape[1] == COLUMNS * (WIDTH + GAP) + GAP <= 1600
    parted = [dict([item]) for item in PANELS.items()]
    assert draw_sheet(["a title"], parted, SIZE).shape[1] == WIDTH + 2 * GAP
    one, two = (draw_sheet(["a title"], [{"a": PANELS["image"]}] * n, SIZE) for n in (1, 2))
    assert two.shape[0] - one.shape[0] > WIDTH * SIZE.height // SIZE.width


@pytest.mark.parametrize("size", [Size(34, 50), Size(50, 34), Size(1088, 64)])
def test_no_panel_is_larger_than_its_room(size):
    sheet = draw_sheet([""], [{"a": Image(np.zeros((1088, 64, 3)))}], size)
    dark = (sheet[:, GAP:] == 0).all(-1)
    rows, columns = np.nonzero(dark)
    assert np.ptp(columns) < WIDTH and np.ptp(rows) < WIDTH
    assert max(np.ptp(columns), np.ptp(rows)) == WIDTH - 1
