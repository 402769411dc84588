import pytest

from kbvc_jax.encoder.gop_choice import FALL, FALLS, MARGIN, Group, choose_fall, choose_groups


def choose(price, frames: int):
    """Lengths of the groups kept, where `price` knows their start and length, and all tried."""
    tried = []

    def trial(group, before):
        assert (before.end if before else 0) == group.start
        tried.append((group.start, group.end))
        return group

    def cost(groups):
        return sum(price(group.start, group.end - group.start) for group in groups)

    groups = choose_groups(0, frames, trial, cost, FALL)
    assert [group.start for group in groups] + [frames] == [0] + [group.end for group in groups]
    assert {group.fall for group in groups} == {FALL}
    return [group.end - group.start for group in groups], tried


def choose_first(price, length: int):
    """The fall of a scene's first group, where `price` knows it, and all tried."""
    tried = []

    def trial(group, before):
        assert before is None and (group.start, group.end) == (0, length)
        tried.append(group.fall)
        return group

    def cost(groups):
        (group,) = groups
        return price(group.fall)

    return choose_fall(Group(0, length, FALL), trial, cost).fall, tried


@pytest.mark.parametrize("length", [1, 2, 4, 8, 16, 32])
def test_the_cheapest_length_is_found(length):
    """An I-frame costs 10; a B-frame nothing up to that length, and more than an I-frame above."""
    found, _ = choose(lambda start, n: 10 + 20 * max(0, n - length), 32)
    assert found == [length] * (32 // length)


@pytest.mark.parametrize(("saved", "lengths"), [(MARGIN / 2, [8]), (2 * MARGIN, [4, 4])])
def test_short_groups_have_to_save_more_than_the_margin(saved, lengths):
    found, _ = choose(lambda start, n: 10 + saved if n == 8 else 5, 8)
    assert found == lengths


@pytest.mark.parametrize("frames", [1, 5, 9, 12, 20, 31])
def test_windows_of_any_length_are_covered(frames):
    found, _ = choose(lambda start, n: 10, frames)
    assert found == [frames]


def test_after_a_long_group_no_short_ones_are_tried():
    _, tried = choose(lambda start, n: 10, 32)
    assert tried == [(0, 8), (8, 16), (0, 16), (16, 32), (0, 32)]


def test_but_where_they_cost_less_than_another_long_one():
    found, _ = choose(lambda start, n: 10 + 20 * max(0, n - 8) * (start + n > 16), 32)
    assert found == [16, 8, 8]


def test_after_short_groups_long_ones_are_tried():
    found, _ = choose(lambda start, n: 10 + 20 * max(0, n - 4) * (start < 16), 32)
    assert found == [4, 4, 4, 4, 16]


@pytest.mark.parametrize("fall", FALLS)
def test_the_cheapest_fall_of_quality_is_found(fall):
    assert choose_first(lambda tried: abs(tried - fall), 8)[0] == fall


def test_falls_that_cost_more_are_not_followed_further():
    assert choose_first(lambda fall: abs(fall - FALL), 4) == (FALL, [FALLS[2], FALLS[0]])


def test_a_group_without_b_frames_has_no_fall_to_choose():
    assert choose_first(lambda fall: fall, 1) == (FALL, [])


def test_each_depth_of_b_frames_is_coded_lower_than_the_one_above():
    assert Group(3, 11, 24).level_offsets == (-8, -16, -24)
    assert Group(0, 32, 25).level_offsets == (-5, -10, -15, -20, -25)
    assert Group(0, 4, 24).level_offsets == (-8, -16)  # as in a group of 8
    assert Group(5, 6, 24).level_offsets == ()
