import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.models.codecs.fusion import Fusion
from kbvc_jax.models.codecs.fusion import aligned as aligned_eagerly
from kbvc_jax.models.config import ModelConfig
from tests.tiny import TINY, tiny_model

aligned = jax.jit(aligned_eagerly)
WORLD = np.kron(np.random.default_rng(2).random((40, 40, 3)), np.ones((4, 4, 1)))
QUALITY = jnp.full(1, 30.0)


def view(left: int) -> jnp.ndarray:
    return jnp.asarray(WORLD[None, 16:112, 16 + left : 112 + left], jnp.float32)


def blurred(frame: jnp.ndarray) -> jnp.ndarray:
    """Without its detail, in blocks of 8x8."""
    _, height, width, _ = frame.shape
    blocks = frame.reshape(1, height // 8, 8, width // 8, 8, 3).mean((2, 4))
    return jnp.repeat(jnp.repeat(blocks, 8, 1), 8, 2)


def error(a, b) -> float:
    return float(jnp.square(a - b)[:, 16:-16, 16:-16].mean())


@pytest.fixture(scope="module")
def fusion():
    """Untrained."""
    return Fusion(8, jnp.float32, nnx.Rngs(3))


def test_detail_comes_from_references_that_moved(fusion):
    frame = view(0)
    decoded = frame + 0.3 * (blurred(frame) - frame)
    found = fusion(decoded, aligned(decoded, jnp.stack([view(-4), view(4)])), QUALITY)
    assert error(found, frame) < 0.7 * error(decoded, frame)


def test_a_reference_that_shows_something_else_is_hardly_believed(fusion):
    decoded = view(0)
    alike, other = decoded + 0.01, 1 - decoded
    near = fusion(decoded, jnp.stack([alike, alike]), QUALITY) - decoded
    far = fusion(decoded, jnp.stack([other, other]), QUALITY) - decoded
    share = jnp.abs(far).mean() / jnp.abs(other - decoded).mean()
    assert share < 0.2 * jnp.abs(near).mean() / 0.01


def test_what_stands_still_stays_as_it_is(fusion):
    decoded = view(0)
    np.testing.assert_array_equal(fusion(decoded, jnp.stack([decoded] * 2), QUALITY), decoded)


def test_one_reference_serves_as_both():
    decoded = view(0)
    one, two = (aligned(decoded, jnp.stack([view(3)] * count)) for count in (1, 2))
    assert one.shape == two.shape
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_model_without_fusion_shows_what_it_decoded():
    assert not ModelConfig().fusion_channels  # the paper's
    model = tiny_model(0, dataclasses.replace(TINY, fusion_channels=0))
    decoded = view(0)
    assert model.fused(decoded, jnp.stack([view(3)]), QUALITY) is decoded
