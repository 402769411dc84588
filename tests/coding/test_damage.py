"""Damage, by fewer streams than `python -m tests.coding.damage` takes."""

import random

import pytest

from tests.coding.damage import OTHER, STREAM, check, check_salvage, damaged, expected, golden

COUNTS = {"cuts": 200, "flips": 1000, "splices": 500}


@pytest.fixture(scope="module")
def streams():
    whole, other = golden(STREAM), golden(OTHER)
    cases = list(damaged(whole, other, COUNTS, random.Random(0)))
    assert len(cases) == whole.body + sum(COUNTS.values()) + 2
    return whole, cases


def test_a_damaged_stream_is_read_whole_or_refused_by_an_error_that_says_where(streams):
    whole, cases = streams
    messages = [check(whole, data) for _, data in cases]
    assert messages.count("") < len(messages) // 50  # what has lost its index alone is whole


def test_of_a_damaged_stream_only_whole_records_are_salvaged_and_all_at_their_places(streams):
    whole, cases = streams
    for _, data in cases[::10]:
        check_salvage(whole, data)


def test_the_place_of_damage_is_told_from_the_first_wrong_byte(streams):
    """Of the tests themselves."""
    whole, *_ = streams
    at = {frame: whole.data[: offset + 9] for frame, offset in whole.offsets.items()}
    assert {frame: expected(whole, data).split("|")[1] for frame, data in at.items()} == {
        0: "cut off after 0 of",
        1: "cut off after 1 of",
        5: "cut off after 5 of",
    }
