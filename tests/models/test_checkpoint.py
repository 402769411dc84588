"""Models whose checkpoints lack something."""

import dataclasses

import numpy as np

from kbvc_jax.models.checkpoint import load_inference, save_inference
from tests.tiny import TINY, tiny_inference


def test_a_model_without_gains_comes_back_without_curves(tmp_path):
    model = dataclasses.replace(TINY, fixed_lambda=0.01, block_transform=False, fusion_channels=0)
    saved = tiny_inference(1, model)
    save_inference(tmp_path, saved)
    loaded = load_inference(tmp_path)
    assert loaded.fingerprint == saved.fingerprint
    for codec in ("image", "frame"):
        ours, theirs = saved.entropy[codec], loaded.entropy[codec]
        for name in ("knots", "shifts"):
            a, b = getattr(ours.prior, name), getattr(theirs.prior, name)
            assert a.shape == b.shape == (0, 0) and a.dtype == b.dtype
        np.testing.assert_array_equal(ours.z_tables.frequencies, theirs.z_tables.frequencies)
