"""On the bundled clip, with the weights that ship: random ones have no slope to speak of."""

from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.pipeline.batch import FrameRates
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.refinement import code_frames, costs

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
QUALITY = 75 * QUALITY_STEPS
RATES = {
    kind: FrameRates(np.full(2, QUALITY, np.int32), np.array(levels, np.int32))
    for kind, levels in {"image": (0, 0), "frame": (1, 2)}.items()
}


@pytest.fixture(scope="module")
def network():
    return Network(kbvc_jax.load().inference, bit_depth=8)


@pytest.fixture(scope="module")
def pictures():
    """Of a size that is no multiple of a block."""
    with kbvc_jax.open_video(CLIP, frames=4) as video:
        return jnp.stack([frame[60:130, 100:202] for frame in video])


def references(network, pictures, kind):
    return network.references(pictures[:2], pictures[2:]) if kind == "frame" else None


def cost(network, pictures, kind, effort):
    sources, seen, predictors = pictures[1:3], references(network, pictures, kind), None
    rates = RATES["frame" if kind == "frame" else "image"]
    if kind == "predicted":
        predictors = known_before(network, pictures).alone
    found = code_frames(network, sources, seen, rates, QUALITY, effort, predictors)
    return costs(network, found.symbols, found.frames, sources, rates, QUALITY)


def known_before(network, pictures):
    """Of each of the middle pictures, the one before it."""
    rates = RATES["image"]
    found = code_frames(network, pictures[:2], None, rates, QUALITY, 0)
    return network.known(*found.symbols[:2], found.prior, rates)


@pytest.mark.parametrize("kind", ["image", "frame", "predicted"])
def test_effort_lowers_the_cost_of_each_frame(network, pictures, kind):
    plain, one, four = (cost(network, pictures, kind, effort) for effort in (0, 1, 4))
    assert (one <= plain).all() and (four <= one).all() and (four < 0.99 * plain).all()


def test_steps_that_do_not_pay_are_taken_back(network, pictures, monkeypatch):
    down = network.slope
    monkeypatch.setattr(network, "slope", lambda *a: jax.tree.map(lambda g: -100 * g, down(*a)))
    plain, tried = (cost(network, pictures, "image", effort) for effort in (0, 2))
    np.testing.assert_array_equal(tried, plain)


@pytest.mark.parametrize("kind", ["image", "frame"])
def test_the_slope_is_that_of_bits_and_weighted_errors(network, pictures, kind):
    """A cost linear in the weight of errors has a gradient that is."""
    seen, rates, sources = references(network, pictures, kind), RATES[kind], pictures[1:3]
    latents = network.analyse(sources, seen, rates)
    qualities = [quality * QUALITY_STEPS for quality in (0, 75, 100)]
    low, middle, high = (network.slope(latents, sources, seen, rates, q) for q in qualities)
    weights = [network.error_weight(quality) for quality in qualities]
    part = (weights[1] - weights[0]) / (weights[2] - weights[0])
    for a, found, b in zip(low, middle, high, strict=True):
        np.testing.assert_allclose(found, a + part * (b - a), atol=1e-3 * jnp.abs(found).max())
        assert jnp.abs(b - a).max() > 0.1 * jnp.abs(found).max() > 0
