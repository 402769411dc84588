"""PSNR beside the encoder."""

import math

import numpy as np
import pytest

from kbvc_jax.cli.comparison import Comparison


def test_each_reconstruction_meets_its_own_source_frame():
    sources = [np.full((16, 16, 3), value, np.uint16) for value in (10, 400, 900)]
    comparison = Comparison(bit_depth=10)
    remembered = comparison.remember(sources)
    errors = iter((1, 2, 4))

    def decode(indexes):
        for index in indexes:
            comparison.compare(index, sources[index] + np.uint16(next(errors)))

    next(remembered)
    decode([0])
    list(remembered)  # the encoder reads a group ahead
    decode([1, 2])
    expected = np.mean([20 * math.log10(1023 / error) for error in (1, 2, 4)])
    assert comparison.psnr == pytest.approx(expected)
