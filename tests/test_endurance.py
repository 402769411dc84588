"""Memory over fewer frames and steps than `python -m tests.endurance` takes."""

import pytest

from tests.endurance import GROWTH, STATM, check_film, check_training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not STATM.exists(), reason="what is resident is read from /proc"),
]


def test_a_films_memory_is_flat_and_its_halves_are_coded_alike():
    assert max(check_film(260)) < GROWTH


def test_memory_is_flat_in_training():
    assert check_training(60) < GROWTH
