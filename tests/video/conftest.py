"""Frames to write and read."""

import dataclasses
from fractions import Fraction
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from kbvc_jax.video.format import VideoFormat

FORMAT = VideoFormat(32, 16, Fraction(30000, 1001), "709", False, 8, "420")


@pytest.fixture
def clip():
    """416x240, 33 frames, 25 a second, 8-bit 4:2:0, tagged BT.709 limited."""
    return Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))


@pytest.fixture
def format_of():
    """A small video's format but for what is given."""
    return lambda **changes: dataclasses.replace(FORMAT, **changes)


@pytest.fixture
def noise():
    """Frames of any samples at all, the same in every run."""

    def make(format, count=3):
        generator = np.random.default_rng(0)
        kind = np.uint8 if format.bit_depth == 8 else np.uint16
        shape = (format.height, format.width, 3)
        return [generator.integers(0, format.peak + 1, shape).astype(kind) for _ in range(count)]

    return make
