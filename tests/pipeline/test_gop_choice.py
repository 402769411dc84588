import pytest

from kbvc_jax.pipeline.gop_choice import LEVEL_OFFSETS, Group, choose_groups


def choose(cost, frames: int):
    """(start, end, offset) of the groups kept, where `cost` prices a length and an offset."""
    tried = []

    def trial(start, end, offset):
        tried.append((start, end, offset))
        return Group(start, end, offset, [], cost(end - start, offset))

    groups = choose_groups(0, frames, trial)
    assert [group.start for group in groups] + [frames] == [0] + [group.end for group in groups]
    return [(group.end - group.start, group.level_offset) for group in groups], tried


@pytest.mark.parametrize("length", [1, 2, 4, 8, 16, 32])
def test_the_cheapest_length_is_found(length):
    """An I-frame costs 10; a B-frame nothing up to that length, and more than an I-frame above."""
    found, _ = choose(lambda n, offset: 10 + 20 * max(0, n - length), 32)
    assert found == [(length, 0)] * (32 // length)


@pytest.mark.parametrize("offset", LEVEL_OFFSETS)
def test_the_cheapest_level_offset_is_found(offset):
    found, _ = choose(lambda n, tried: 10 + abs(tried - offset) / 100, 8)
    assert found == [(8, offset)]


def test_level_offsets_that_cost_more_are_not_followed_further():
    _, tried = choose(lambda n, offset: 10 - offset, 4)
    assert [offset for start, end, offset in tried if (start, end) == (0, 4)] == [0, -16]


def test_a_group_without_b_frames_is_coded_once():
    _, tried = choose(lambda n, offset: n + offset, 1)
    assert tried == [(0, 1, 0)]
