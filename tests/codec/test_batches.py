"""Frames of a depth in one pass or one after the other, and which programs that takes."""

import jax
import numpy as np
import pytest
from tiny import tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.codec import batch as batching
from kbvc_jax.codec import steps
from kbvc_jax.codec.schedule import hierarchy
from kbvc_jax.models.codecs.contract import Size

FRAMES = np.random.default_rng(4).integers(0, 256, (9, 32, 48, 3), np.uint8)
TOGETHER = 2**21


@pytest.fixture
def codec():
    return Codec(tiny_inference(1))


def share_passes(monkeypatch):
    monkeypatch.setitem(batching.BATCH_PIXELS, jax.default_backend(), TOGETHER)


def lengths(count: int) -> list[int]:
    depths = hierarchy(count)
    return [len(batch) for depth in depths for batch in batching.batches(depth, Size(32, 48))]


def test_passes_are_of_one_frame_or_of_a_power_of_two(monkeypatch):
    monkeypatch.setitem(batching.BATCH_PIXELS, jax.default_backend(), 1)
    assert lengths(8) == [1] * 7
    share_passes(monkeypatch)
    assert lengths(8) == [1, 2, 4]
    assert lengths(7) == [1, 2, 2, 1]


@pytest.mark.heavy
def test_frames_coded_together_are_decoded_alike_together_and_one_by_one(monkeypatch, codec):
    share_passes(monkeypatch)
    data = codec.encode(FRAMES, quality=40)
    together = codec.decode(data)
    monkeypatch.setitem(batching.BATCH_PIXELS, jax.default_backend(), 1)
    apart = codec.decode(data)
    assert np.abs(together.astype(int) - apart).max() <= 1


@pytest.mark.heavy
def test_a_decoder_compiles_nothing_that_its_encoder_has_run(codec):
    data = codec.encode(FRAMES, quality=40)
    programs = steps.context, steps.synthesise
    before = [program.jitted._cache_size() for program in programs]
    codec.decode(data)
    assert [program.jitted._cache_size() for program in programs] == before
    assert min(before) > 0
