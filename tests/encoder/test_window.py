"""Which groups a window codes, its codec replaced by prices."""

import numpy as np
import pytest
from tiny import tiny_inference

from kbvc_jax.codec.batch import Picture
from kbvc_jax.encoder import window
from kbvc_jax.encoder.gop_choice import FALL
from kbvc_jax.encoder.group import CodedDepth, Settings
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.window import Span, cheapest

FRAMES = [np.zeros((2, 2, 3), np.uint8)] * 9
KNOWN = Picture(FRAMES[0], None)


@pytest.fixture
def coded(monkeypatch):
    """(quality of its I-frames, level offsets) of each group's B-frames, as they are coded."""
    groups = []

    def image(network, frame, time, settings, opening=None):
        return depth(10.0)

    def b_frames(network, opening, closing, frames, offsets, settings):
        groups.append((settings.quality, offsets))
        return [depth(float(len(frames)))]

    monkeypatch.setattr(window, "code_image", image)
    monkeypatch.setattr(window, "code_b_frames", b_frames)
    return groups


def depth(cost):
    return CodedDepth("image", (0,), (0,), [], [KNOWN], cost)


def test_groups_coded_to_choose_the_quality_are_not_coded_again(coded):
    span = Span(0, FRAMES, ends_intra=False, ends_scene=False)
    settings = [Settings(quality, 40, "predicted", "predicted", "rate") for quality in (40, 50)]
    quality, groups = cheapest(EncoderNetwork(tiny_inference(0), 8), span, None, settings)
    assert quality == 40  # the other costs as much
    assert [(group.start, group.end, group.fall) for group in groups] == [(0, 8, FALL)]
    usual = (40, groups[0].level_offsets)
    assert coded.count(usual) == 1 and len(coded) > 4
