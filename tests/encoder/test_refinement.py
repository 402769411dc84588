"""On the bundled clip, with the weights that ship: random ones have no slope to speak of."""

from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_inference

import kbvc_jax
from kbvc_jax.api import Codec
from kbvc_jax.codec.batch import FrameRates, Predictors
from kbvc_jax.encoder import group
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import AUTO_EFFORT
from kbvc_jax.encoder.refinement import code_frames, costs
from kbvc_jax.models.fusion import aligned
from kbvc_jax.rate import QUALITY_STEPS

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
QUALITY = 75 * QUALITY_STEPS
RATES = FrameRates(np.full(2, QUALITY, np.int32), np.zeros(2, np.int32))


@pytest.fixture(scope="module")
def network():
    return EncoderNetwork(kbvc_jax.load().inference, bit_depth=8)


@pytest.fixture(scope="module")
def pictures():
    """Of a size that is no multiple of a block."""
    with kbvc_jax.open_video(CLIP, frames=4) as video:
        return jnp.stack([frame[60:130, 100:202] for frame in video])


def coded(network, pictures, predicted, effort):
    predictors = before(network, pictures) if predicted else None
    return code_frames(network, pictures[1:3], None, RATES, effort, "rate", predictors)


def cost(network, pictures, predicted, effort):
    found = coded(network, pictures, predicted, effort)
    return costs(network, found.symbols, found.frames, pictures[1:3], RATES, QUALITY)


def before(network, pictures):
    """What the one before each of the middle pictures tells of it."""
    found = code_frames(network, pictures[:2], None, RATES, 0, "rate")
    known = network.known(*found.symbols[:2], found.prior, RATES)
    return Predictors(known.latents[None], known.z, found.frames[None])


@pytest.mark.parametrize("predicted", [False, True])
def test_effort_lowers_the_cost_of_each_frame(network, pictures, predicted):
    plain, one, four, more = (cost(network, pictures, predicted, n) for n in (0, 1, 4, 12))
    assert (one <= plain).all() and (four <= one).all() and (more < four).all()
    assert (more < 0.97 * plain).all()


def test_steps_that_do_not_pay_are_taken_back(network, pictures, monkeypatch):
    for name in ("slope", "error_slope"):
        down = getattr(network, name)
        up = lambda *a, down=down: jax.tree.map(lambda g: -100 * g, down(*a))  # noqa: E731
        monkeypatch.setattr(network, name, up)
    plain, tried = (cost(network, pictures, False, effort) for effort in (0, 5))
    np.testing.assert_array_equal(tried, plain)


def test_the_slope_is_that_of_bits_and_weighted_errors(network, pictures, monkeypatch):
    """A cost linear in the weight of errors has a gradient that is."""
    sources = pictures[1:3]
    latents, slopes = network.analyse(sources, None, RATES), []
    for weight in (0.0, 0.01, 0.03):
        monkeypatch.setattr(network, "error_weight", lambda quality, weight=weight: weight)
        slopes.append(network.slope(latents, sources, RATES))
    for low, found, high in zip(*slopes, strict=True):
        expected = low + (high - low) / 3
        np.testing.assert_allclose(found, expected, atol=1e-3 * jnp.abs(found).max())
        assert jnp.abs(high - low).max() > 0.1 * jnp.abs(found).max() > 0


@pytest.mark.parametrize("predicted", [False, True])
def test_the_slope_of_errors_is_that_of_what_is_shown(network, pictures, predicted):
    """Of the latent that is sent; the motion found in its picture is taken as given."""
    sources, model = pictures[1:3], network.inference.model
    predictors = before(network, pictures) if predicted else None
    found = coded(network, pictures, predicted, 0)
    sent = found.symbols.y + found.prior.mean
    decoded = model.image.synthesise(sent, RATES.on_device)
    if predicted:
        edges = (0, 0), (0, 10), (0, 10), (0, 0)
        references = jnp.pad(predictors.frames[0] / 255, edges, mode="edge")
        sides = aligned(decoded, references[None])

    def error(latent):
        samples = model.image.synthesise(latent, RATES.on_device)
        if predicted:
            samples = model.fusion(samples, sides, RATES.on_device.quality)
        return float(jnp.square(255 * samples[:, :70, :102] - sources).sum())

    slope = network.error_slope(sent, sources, RATES, predictors)
    away = 1e-3 * slope
    change = network.error_weight(QUALITY) * (error(sent + away) - error(sent - away)) / 2
    assert float((slope * away).sum()) == pytest.approx(change, rel=0.02)


@pytest.mark.parametrize(
    ("options", "efforts"),
    [
        ({"gop": 4}, {0}),
        ({"gop": 4, "effort": 3}, {0, 2, 3}),
        ({"gop": "auto"}, {0, AUTO_EFFORT}),
        ({"gop": "auto", "effort": 40}, {0, 40}),
    ],
)
def test_frames_that_others_refer_to_are_refined(pictures, monkeypatch, options, efforts):
    tried, code = [], group.code_frames

    def spy(network, sources, references, rates, effort, rounding, predictors):
        tried.append((len(sources), references is None, effort))
        return code(network, sources, references, rates, 0, rounding, predictors)

    monkeypatch.setattr(group, "code_frames", spy)
    codec = Codec(tiny_inference(0))
    codec.encode(np.concatenate([pictures, pictures])[:5], 40, **options)
    assert {effort for _, _, effort in tried} == efforts  # auto takes groups of 2 here
    if options["gop"] == 4:  # two I-frames and the frame between them, then the leaves
        most, half = max(efforts), -(-max(efforts) // 2)
        assert tried == [(1, True, n) for n in (most, most, half, 0, 0)]
