"""Commands that write, stopped: a part of what `python -m tests.faults` does."""

import pytest

from tests.faults import outcome, undisturbed
from tests.writing_commands import COMMANDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def usual():
    return undisturbed(COMMANDS["pack"])


@pytest.mark.parametrize("fault", ["SIGINT at 33%", "SIGTERM at 67%", "SIGKILL at 67%"])
def test_packing_that_is_stopped_leaves_nothing_and_begins_anew(usual, fault):
    fine, told = outcome(COMMANDS["pack"], fault, usual)
    assert fine, told


def test_packing_whose_reader_goes_away_is_whole_all_the_same(usual):
    fine, told = outcome(COMMANDS["pack"], "closed pipe", usual)
    assert fine and "holds the new" in told
