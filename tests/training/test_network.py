"""The real network, as narrow as it goes, under its loss: an I-frame, a leaf, an I-frame."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.parameters import build
from kbvc_jax.training.stages import Stage, build_stage
from tests.training.stub import config

pytestmark = pytest.mark.heavy

CODEC = CodecConfig(hidden_channels=(2, 2, 2), latent_channels=2, hyper_channels=(2, 2, 2))
CONFIG = config(
    model=ModelConfig(
        image=CODEC,
        frame=CODEC,
        head_channels=2,
        kernel_size=3,
        interpolator=InterpolatorConfig(channels=(2, 2, 2, 2), side_channels=1),
        quality_points=2,
    )
)


@pytest.fixture(scope="module")
def model():
    return build(CONFIG)


def losses_of(stage: Stage):
    """Compiled quickly, as it runs but twice: parameters to loss and gradients."""
    frames = jax.random.uniform(jax.random.key(0), (3, 16, 16, 3))

    def loss(trainable):
        values = trainable | stage.frozen
        return stage.loss(values, frames, jax.random.key(1), jnp.float32(1))[0]

    lowered = jax.jit(jax.value_and_grad(loss)).lower(stage.trainable)
    return lowered.compile({"xla_backend_optimization_level": 0})


@pytest.fixture(scope="module")
def measured(model):
    """Loss and gradients at step 0, and the loss a small step along them."""
    stage = build_stage(CONFIG, model)
    losses = losses_of(stage)
    value, gradients = losses(stage.trainable)
    moved = jax.tree.map(lambda p, g: p - 1e-5 * g, stage.trainable, gradients)
    return value, gradients, losses(moved)[0]


def test_the_loss_is_finite_and_falls_along_its_gradient(measured):
    value, _, after = measured
    assert np.isfinite(value) and after < value


def test_gradients_reach_both_codecs_and_their_entropy_models(measured):
    _, gradients, _ = measured
    assert not any(name.startswith("interpolator.") for name in gradients)
    for part in (
        "image.encoder",
        "image.decoder",
        "image.hyperprior.scale_decoder",
        "image.hyperprior.bottleneck",
        "frame.encoder",
        "frame.horizontal.0.refine",
        "frame.vertical.2.refine",
        "frame.hyperprior.mean_decoder",
    ):
        found = [np.abs(g).max() for name, g in gradients.items() if name.startswith(part)]
        assert found and max(found) > 0, part


def test_hyperpriors_learn_of_the_rate_alone(model, measured):
    """Their own stage, which makes no picture that it need not, finds the same gradients."""
    stage = build_stage(dataclasses.replace(CONFIG, stage="hyperprior"), model)
    assert all(".hyperprior." in name for name in stage.trainable)
    assert {name.partition(".")[0] for name in stage.trainable} == {"image", "frame"}
    value, gradients = losses_of(stage)(stage.trainable)
    assert 0 < value < measured[0]
    for name, found in gradients.items():
        expected = np.asarray(measured[1][name])
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max() + 1e-9)
