"""Hostile bytes, by fewer cases than `python -m tests.coding.fuzz` takes."""

import random

import pytest

from tests.coding import fuzz


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_any_bytes_are_read_or_refused(count):
    ends = {fuzz.run(name, data) for name, data in fuzz.cases(count, random.Random(1))}
    assert ends == {True, False}


def test_the_corpus_is_read():
    assert all(fuzz.run(name, data) for name, own in fuzz.corpus().items() for data in own)


@pytest.mark.parametrize("error", [IndexError, MemoryError])
def test_a_defect_is_told_with_its_bytes(error, monkeypatch):
    def defect(data):
        raise error

    monkeypatch.setitem(fuzz.TARGETS, "header", defect)
    with pytest.raises(error) as found:
        fuzz.run("header", b"bytes")
    assert found.value.__notes__ == ["('header', b'bytes')"]
