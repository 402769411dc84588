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
from kbvc_jax.codec.batch import FrameRates
from kbvc_jax.encoder import group
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.refinement import code_frames
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.fusion import aligned
from kbvc_jax.models.codecs.walk import Read, walk
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.rate import QUALITY_STEPS

pytestmark = pytest.mark.heavy

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
QUALITY = 75 * QUALITY_STEPS
RATES = FrameRates(QUALITY, (0, 0), ((1, 1), (1, 1)))
RATE = Rate(jnp.full(2, 75.0), jnp.zeros(2, jnp.int32))
SIZE = Size(70, 102)


@pytest.fixture(scope="module")
def network():
    return EncoderNetwork(kbvc_jax.load().inference, bit_depth=8)


@pytest.fixture(scope="module")
def pictures():
    """Of a size that is no multiple of a block."""
    with kbvc_jax.open_video(CLIP, frames=4) as video:
        return jnp.stack([frame[60:130, 100:202] for frame in video])


def batch_of(network, pictures, predicted):
    """I-frames; or P-frames, each after the one before it."""
    if not predicted:
        return network.batch("image", SIZE, RATES, [])
    alone = network.batch("image", SIZE, RATES, [])
    before = code_frames(network, alone, pictures[:2], 0, "rate").pictures
    return network.batch("predicted", SIZE, RATES, [before])


def cost(network, pictures, predicted, effort):
    batch = batch_of(network, pictures, predicted)
    found = code_frames(network, batch, pictures[1:3], effort, "rate")
    return found.cost(network, pictures[1:3]).total(QUALITY)


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
    sources, batch = pictures[1:3], batch_of(network, pictures, False)
    exact, slopes = network.analyse(batch, sources, None, None), []
    coded = network.choose(batch, exact, network.begin(batch, {}, None, "rate"), "rate")
    for weight in (0.0, 0.01, 0.03):
        monkeypatch.setattr(network, "error_weight", lambda quality, weight=weight: weight)
        slopes.append(network.slope(coded, exact, sources, None))
    for name in ("y", "z"):
        low, found, high = (slope[name] for slope in slopes)
        expected = low + (high - low) / 3
        np.testing.assert_allclose(found, expected, atol=1e-3 * jnp.abs(found).max())
        assert jnp.abs(high - low).max() > 0.1 * jnp.abs(found).max() > 0


@pytest.mark.parametrize("predicted", [False, True])
def test_the_slope_of_errors_is_that_of_what_is_shown(network, pictures, predicted):
    """Of the latent that is sent; the motion found in its picture is taken as given."""
    sources, model = pictures[1:3], network.inference.model
    batch = batch_of(network, pictures, predicted)
    context = network.context(batch)
    found = code_frames(network, batch, sources, 0, "rate")
    codec = model.codec(batch.codec, SIZE)
    sent = walk(codec, Read(found.coded.symbols), context, RATE).known["y"]
    if predicted:
        sides = aligned(model.image.synthesise(sent, RATE), context.frames)

    def error(latent):
        samples = model.image.synthesise(latent, RATE)
        if predicted:
            samples = model.fusion(samples, sides, RATE.quality)
        return float(jnp.square(255 * samples[:, :70, :102] - sources).sum())

    slope = network.error_slope(found.coded, sources, context)["y"]
    away = 1e-3 * slope
    change = network.error_weight(QUALITY) * (error(sent + away) - error(sent - away)) / 2
    assert float((slope * away).sum()) == pytest.approx(change, rel=0.02)


@pytest.mark.parametrize(
    ("options", "efforts"),
    [
        ({"gop": 4}, {0}),
        ({"gop": 4, "effort": 3}, {0, 2, 3}),
        ({"gop": "auto"}, {0}),
        ({"gop": "auto", "effort": 40}, {0, 40}),
    ],
)
def test_frames_that_others_refer_to_are_refined(pictures, monkeypatch, options, efforts):
    tried, code = [], group.code_frames

    def spy(network, batch, sources, effort, rounding, ways):
        tried.append((len(sources), effort))
        return code(network, batch, sources, 0, rounding, ways)

    monkeypatch.setattr(group, "code_frames", spy)
    codec = Codec(tiny_inference(0))
    codec.encode(np.concatenate([pictures, pictures])[:5], 40, **options)
    assert {effort for _, effort in tried} == efforts  # auto takes groups of 2 here
    if options["gop"] == 4:  # two I-frames and the frame between them, then the leaves
        most, half = max(efforts), -(-max(efforts) // 2)
        assert tried == [(1, n) for n in (most, most, half, 0, 0)]
