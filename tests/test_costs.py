"""No default loses its speed unnoticed: counts, not seconds (costs.py)."""

import json

import pytest

import kbvc_jax
from tests.costs import CODECS, DEFAULTS, RECORD, measured, multiply_adds

GROWTH = 1.1


def check(codec: str, found: dict[str, float], recorded: dict[str, float]) -> None:
    more = {what: (recorded[what], cost) for what, cost in found.items()}
    more = {what: both for what, both in more.items() if both[1] > GROWTH * both[0]}
    assert not more, f"{codec}: (recorded, now); if wanted, python -m tests.costs --record"


def test_the_defaults_are_those_of_the_weights_that_ship():
    config = kbvc_jax.load().inference.model.config
    assert DEFAULTS == (config.b_frames, config.p_frames)


@pytest.mark.parametrize("codec", [c for c in CODECS if c not in DEFAULTS])
def test_multiply_adds_are_as_recorded(codec):
    check(codec, multiply_adds(codec), json.loads(RECORD.read_text())[codec])


@pytest.mark.heavy
@pytest.mark.parametrize(
    "codec",
    [pytest.param(c, marks=() if c in DEFAULTS else pytest.mark.slow) for c in CODECS],
)
def test_what_coding_costs_is_as_recorded(codec):
    recorded, found = json.loads(RECORD.read_text())[codec], measured(codec)
    assert found.keys() == recorded.keys()
    check(codec, found, recorded)
