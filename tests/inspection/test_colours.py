"""Numbers to colours."""

import numpy as np
import pytest

from kbvc_jax.inspection import colours


@pytest.mark.parametrize(
    ("vector", "colour"),
    [
        ((0, 0), (255, 255, 255)),  # still: white
        ((1, 0), (255, 0, 0)),  # right: red
        ((-1, 0), (0, 255, 255)),  # left: cyan
        ((0, -1), (128, 255, 0)),  # up: green
        ((0, 1), (128, 0, 255)),  # down: violet
        ((0.5, 0), (255, 128, 128)),  # half as long: half as much colour
        ((30, 0), (255, 0, 0)),  # no more colour than there is
    ],
)
def test_flow_has_the_hue_of_its_direction_and_as_much_of_it_as_it_is_long(vector, colour):
    found = colours.flow(np.array(vector, float))
    np.testing.assert_allclose(found.astype(int), colour, atol=1)


def test_a_flow_turned_by_a_third_has_its_channels_turned():
    angles = np.linspace(0, 2 * np.pi, 50)
    turned = np.stack([np.cos(angles), np.sin(angles)], -1)
    third = np.stack([np.cos(angles + 2 * np.pi / 3), np.sin(angles + 2 * np.pi / 3)], -1)
    rolled = np.roll(colours.flow(turned), -1, -1)
    np.testing.assert_allclose(colours.flow(third).astype(int), rolled.astype(int), atol=1)


def test_heat_grows_lighter_all_the_way_and_stays_within_its_ends():
    lightness = colours.heat(np.linspace(0, 1, 100)).astype(int).sum(-1)
    assert (np.diff(lightness) >= 0).all() and lightness[-1] - lightness[0] > 500
    ends = colours.heat(np.array([-1.0, 0.0, 1.0, 2.0]))
    assert (ends[0] == ends[1]).all() and (ends[2] == ends[3]).all()


def test_what_is_below_zero_is_blue_and_what_is_above_it_red():
    below, none, above = colours.signed(np.array([-1.0, 0.0, 1.0])).astype(int)
    assert below[2] > below[0] and above[0] > above[2] and np.ptp(none) == 0


def test_every_choice_has_a_colour_of_its_own():
    assert len({tuple(colour) for colour in colours.CHOICES.tolist()}) == len(colours.CHOICES)
