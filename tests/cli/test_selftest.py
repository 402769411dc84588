"""`kbvc selftest`: a stream that ships with the weights, and what it was decoded to."""

import json

import numpy as np
import pytest

from kbvc_jax import selftest
from kbvc_jax.api import WEIGHTS
from kbvc_jax.cli.main import main
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.selftest import Decoded, Verdict, compare, expected, stream


def test_the_stream_was_made_by_the_weights_that_ship():
    fingerprint = json.loads((WEIGHTS / "model.json").read_text())["fingerprint"]
    assert stream().header.fingerprint.hex() == fingerprint, (
        "kbvc_jax/assets/selftest is of other weights; make it anew: python -m tests.selftest"
    )


def test_it_is_small_and_has_i_and_b_frames():
    assert sum(path.stat().st_size for path in selftest.ASSETS.iterdir()) <= 60_000
    opening, *groups = stream()
    assert opening.alone and groups
    assert all(record.alone and len(record.codecs) > 1 for record in groups)
    assert len(expected().frames) == stream().frame_count


def test_this_machine_passes(capsys):
    assert main(["selftest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "symbols: the same" and lines[-1] == "pass"


def changed(frames: np.ndarray, count: int, by: int) -> np.ndarray:
    """As many samples, away from the nearer end of their range."""
    out = frames.copy()
    part = out.reshape(-1)[:count]
    part[:] = np.where(part < 128, part + by, part - by)
    return out


def test_a_few_neighbouring_samples_pass_and_nothing_else_does():
    symbols, frames = expected()
    few = frames.size // 1000
    assert compare(Decoded(symbols, frames), expected()) == Verdict(True, 0, 0.0)
    assert compare(Decoded(symbols, changed(frames, few, 1)), expected()).passed
    assert not compare(Decoded(symbols, changed(frames, few + 1, 1)), expected()).passed
    assert not compare(Decoded(symbols, changed(frames, 1, 2)), expected()).passed
    assert not compare(Decoded(symbols[::-1], frames), expected()).passed


def _wrong_sample(inference, stream):
    symbols, frames = expected()
    return Decoded(symbols, changed(frames, 1, 9))


def _wrong_symbols(inference, stream):
    raise InputError("record of frame 1: damaged payload")


@pytest.mark.parametrize("decode", [_wrong_sample, _wrong_symbols])
def test_a_machine_that_decodes_otherwise_fails(decode, monkeypatch, capsys):
    monkeypatch.setattr(selftest, "decode", decode)
    assert main(["selftest"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAIL"
