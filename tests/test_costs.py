"""No default loses its speed unnoticed: counts, not seconds (costs.py)."""

import json

import pytest

from tests.costs import CODECS, RECORD, measured

GROWTH = 1.1


@pytest.fixture(scope="module")
def found():
    return measured()


@pytest.mark.parametrize("codec", CODECS)
def test_what_coding_costs_is_as_recorded(found, codec):
    recorded = json.loads(RECORD.read_text())[codec]
    assert found[codec].keys() == recorded.keys()
    more = {what: (cost, found[codec][what]) for what, cost in recorded.items()}
    more = {what: both for what, both in more.items() if both[1] > GROWTH * both[0]}
    assert not more, f"{codec}: (recorded, now); if wanted, python -m tests.costs --record"
