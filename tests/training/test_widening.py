"""A wider model that starts from a narrower one's weights: see widening.py."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.models.config import CodecConfig, InterpolatorConfig
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.training import checkpoints
from kbvc_jax.training.parameters import split
from tests.tiny import TINY, tiny_model

WIDE = dataclasses.replace(
    TINY,
    image=CodecConfig((8, 12, 10), latent_channels=16, hyper_channels=(12, 8)),
    frame=CodecConfig((10, 8, 12), latent_channels=14, hyper_channels=(8, 10, 8)),
)
QUALITY, LEVEL = jnp.array([30.0, 80.0]), jnp.array([1, 2])


def start_from_tiny(monkeypatch, config):
    """The tiny model, and one of that configuration that starts from its weights."""
    narrow, wide = tiny_model(1), tiny_model(2, config)
    known, (merge, fresh) = split(narrow)[1], split(wide)
    monkeypatch.setattr(checkpoints, "initial_weights", lambda source: (TINY, dict(known)))
    return narrow, merge(checkpoints.start_from(fresh, "narrow", config))


def pictures(seed: int):
    return jnp.asarray(np.random.default_rng(seed).random((2, 32, 48, 3)), jnp.float32)


def test_a_wider_model_returns_the_narrow_ones_pictures(monkeypatch):
    narrow, wide = start_from_tiny(monkeypatch, WIDE)
    frame, references = pictures(0), narrow.references(pictures(1), pictures(2))

    def code(model: Kbvc):
        image = model.image.forward(frame, QUALITY)
        between = model.frame.forward(frame, references, QUALITY, LEVEL)
        return image.reconstruction, between.reconstruction

    for ours, theirs in zip(nnx.jit(code)(wide), nnx.jit(code)(narrow), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel_size": 5},
        {"interpolator": InterpolatorConfig(channels=(6, 6, 8, 8), side_channels=4)},
        {"frame": CodecConfig((4, 8, 8), latent_channels=8, hyper_channels=(8, 8, 8))},
    ],
)
def test_what_no_channel_can_be_added_to_is_refused(monkeypatch, changes):
    with pytest.raises(checkpoints.InputError, match="has shape"):
        start_from_tiny(monkeypatch, dataclasses.replace(TINY, **changes))
