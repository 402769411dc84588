import pytest

from kbvc_jax.encoder.gop_choice import FALL, FALLS, Group, choose_groups


def choose(price, frames: int):
    """(length, fall) of the groups kept, where `price` knows both, and all that was tried."""
    tried = []

    def trial(group, before):
        assert (before.end if before else 0) == group.start
        tried.append((group.start, group.end, group.fall))
        return group

    def cost(groups):
        return sum(price(group.end - group.start, group.fall) for group in groups)

    groups = choose_groups(0, frames, trial, cost)
    assert [group.start for group in groups] + [frames] == [0] + [group.end for group in groups]
    return [(group.end - group.start, group.fall) for group in groups], tried


@pytest.mark.parametrize("length", [1, 2, 4, 8, 16, 32])
def test_the_cheapest_length_is_found(length):
    """An I-frame costs 10; a B-frame nothing up to that length, and more than an I-frame above."""
    found, _ = choose(lambda n, fall: 10 + 20 * max(0, n - length), 32)
    assert found == [(length, FALL)] * (32 // length)


@pytest.mark.parametrize("fall", FALLS)
def test_the_cheapest_fall_of_quality_is_found(fall):
    found, _ = choose(lambda n, tried: 10 + abs(tried - fall) / 100, 8)
    assert found == [(8, fall)]


def test_falls_that_cost_more_are_not_followed_further():
    _, tried = choose(lambda n, fall: 10 + abs(fall - FALL), 4)
    asked = [fall for start, end, fall in tried if (start, end) == (0, 4)]
    assert asked == [FALL, FALLS[2], FALLS[0]]


def test_only_the_first_group_of_a_window_asks_how_far_quality_falls():
    found, tried = choose(lambda n, fall: n + abs(fall - FALLS[1]) / 100, 32)
    assert {fall for start, end, fall in tried if start} == {FALLS[1]} == {f for _, f in found}


def test_a_group_without_b_frames_is_coded_once():
    _, tried = choose(lambda n, fall: n + fall, 1)
    assert tried == [(0, 1, FALL)]


def test_each_depth_of_b_frames_is_coded_lower_than_the_one_above():
    assert Group(3, 11, 24).level_offsets == (-8, -16, -24)
    assert Group(0, 32, 25).level_offsets == (-5, -10, -15, -20, -25)
    assert Group(0, 4, 24).level_offsets == (-8, -16)  # as in a group of 8
    assert Group(5, 6, 24).level_offsets == ()
