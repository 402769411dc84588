import dataclasses

import pytest

from kbvc_jax.evaluation.complexity import complexity
from kbvc_jax.evaluation.paper import TABLE_3, WIDE_HEADS
from kbvc_jax.models.config import ModelConfig


def rows(**changes):
    return {row.module: row for row in complexity(dataclasses.replace(ModelConfig(), **changes))}


def test_the_modules_have_the_papers_sizes():
    found = rows()
    for module, millions in TABLE_3.items():
        assert found[module].parameters / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(("size", "millions"), WIDE_HEADS.items())
def test_the_heads_have_the_papers_size_for_both_kernels(size, millions):
    assert rows(kernel_size=size)["kernel heads"].parameters / 1e6 == pytest.approx(millions, 0.02)


def test_the_parts_add_up_to_the_whole():
    *parts, total = complexity(ModelConfig())
    assert sum(row.parameters for row in parts) == total.parameters
    b_frame = [row.macs_per_pixel for row in parts if row.module != "image codec"]
    assert sum(b_frame) == pytest.approx(total.macs_per_pixel)


@pytest.mark.parametrize(
    ("fixed_lambda", "block_transform", "passes"),
    [(0.01, False, 1), (None, False, 2), (None, True, 2)],
)
def test_multiply_adds_of_the_image_codec_by_hand(fixed_lambda, block_transform, passes):
    """Feedback decodes and encodes once more."""
    m, n, z = 128, 96, 128
    taps = 25
    # Each stride-2 layer: taps x inputs x outputs at the lower of its two resolutions.
    encoder = taps * (3 * n / 4 + n * n / 16 + n * n / 64 + n * m / 256)
    decoder = taps * (m * n / 256 + n * n / 64 + n * n / 16 + n * 3 / 4)
    hyper = 3 * taps * (m * m / 1024 + m * m / 4096 + m * z / 16384)
    blocks = 3 * m * (passes + 1) * block_transform  # decoded twice, encoded once
    found = rows(fixed_lambda=fixed_lambda, block_transform=block_transform)
    wanted = passes * (encoder + decoder) + hyper + blocks
    assert found["image codec"].macs_per_pixel == pytest.approx(wanted)


def test_multiply_adds_of_the_fusion_by_hand():
    channels = 20
    inputs, outputs = 4 * (3 + 2 * (3 + 1) + 1), 4 * (2 + 3)  # of a block of 2x2 pixels
    weights = 9 * channels * (inputs + 2 * channels + outputs)
    found = rows(fusion_channels=channels)["fusion"]
    assert found.parameters == weights + 3 * channels + outputs
    assert found.macs_per_pixel == weights / 4
    assert "fusion" not in rows()


def test_without_interpolation_there_is_no_interpolator():
    found = rows(interpolate=False)
    assert "frame interpolator" not in found
    assert found["kernel synthesis"].macs_per_pixel == 2 * 3 * 31 * 32
