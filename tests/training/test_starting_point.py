"""Before the first step both codecs work: see starting_point.py."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.walk import estimate
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.parameters import build
from kbvc_jax.training.starting_point import PICTURE, karhunen_loeve
from kbvc_jax.video.reader import open_video
from tests.data.footage import BUNNY

CODEC = CodecConfig(hidden_channels=(32, 32, 32), latent_channels=64, hyper_channels=(64, 64, 64))
MODEL = ModelConfig(
    image=CODEC,
    frame=CODEC,
    head_channels=8,
    kernel_size=7,
    interpolator=InterpolatorConfig(channels=(4, 4, 4, 4), side_channels=2),
    lambda_min=0.001,
    lambda_max=0.08,
)
QUALITIES = jnp.array([0.0, 50.0, 100.0])


@pytest.fixture(scope="module")
def frames() -> jax.Array:
    """Three frames of the demo clip, four apart."""
    with open_video(BUNNY, frames=9) as video:
        pictures = [np.asarray(frame) for frame in video]
    return jnp.asarray(np.stack(pictures[::4])[:, :224, :400], jnp.float32) / 255


@pytest.fixture(scope="module")
def model():
    return build(TrainConfig(model=MODEL))


def psnr(a, b) -> float:
    return float(-10 * jnp.log10(jnp.mean((a - b) ** 2)))


@nnx.jit
def coded_image(model, picture, quality):
    rate = Rate(quality, jnp.zeros(len(quality), jnp.int32))
    return estimate(model.codec("image", Size(*picture.shape[1:3])), picture, (), rate)


def test_the_transform_is_orthonormal_step_by_step():
    for step in karhunen_loeve((12, 40, 40, 64), *PICTURE):
        matrix = step.matrix.reshape(len(step.matrix), -1)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-9)
        assert np.all(np.diff(step.deviation) <= 1e-9)


@pytest.mark.heavy
def test_the_image_codec_codes_pictures(frames, model):
    picture = jnp.repeat(frames[:1], 3, 0)
    coded = coded_image(model, picture, QUALITIES)
    pairs = zip(coded.decoded.frame, picture, strict=True)
    quality = [psnr(found, true) for found, true in pairs]
    bpp = (coded.bits["y"] + coded.bits["z"]) / picture[0, ..., 0].size
    assert quality[0] > 24 and quality[2] > quality[0] + 2
    assert bpp[0] < 0.4 and bpp[2] > bpp[0]


@pytest.mark.heavy
def test_the_frame_codec_returns_the_interpolated_frame(frames, model):
    references = jnp.stack([frames[0], frames[2], (frames[0] + frames[2]) / 2])[None]
    level, codec = jnp.array([1]), model.codec("kernel", Size(*frames.shape[1:3]))
    codec.context = lambda sides, rate: references  # frames that no interpolator has to make
    run = jax.jit(
        lambda target: (
            estimate(codec, target, (), Rate(QUALITIES[1:2], level)).decoded.frame,
            model.frame.analyse(target, references, Rate(QUALITIES[1:2], level)),
        )
    )
    found, latent = run(frames[1:2])
    np.testing.assert_allclose(found[0], references[0, 2], atol=1e-5)
    # What is sent is the interpolator's error: of a frame that it found, nothing.
    _, nothing = run(references[:, 2])
    assert jnp.abs(nothing).max() < 1e-3 < jnp.abs(latent).mean()


@pytest.mark.heavy
@pytest.mark.parametrize("fixed_lambda", [pytest.param(0.005, marks=pytest.mark.slow), 0.05])
def test_a_model_for_one_lambda_holds_the_gain_that_belongs_to_it(frames, fixed_lambda):
    fixed = TrainConfig(model=dataclasses.replace(MODEL, fixed_lambda=fixed_lambda))
    every = TrainConfig(
        model=dataclasses.replace(MODEL, lambda_min=fixed_lambda / 4, lambda_max=fixed_lambda * 4)
    )
    rates, pictures = [], []
    for config in (fixed, every):
        model = build(config)
        model.image.feedback = None  # which a model for one lambda has not
        coded = coded_image(model, frames[:1], QUALITIES[1:2])
        rates.append(float(coded.bits["y"][0]))
        pictures.append(psnr(coded.decoded.frame, frames[:1]))
    assert rates[0] == pytest.approx(rates[1], rel=1e-2)
    assert pictures[0] == pytest.approx(pictures[1], abs=0.5)


def test_a_random_start_is_no_transform(model):
    random = build(TrainConfig(model=MODEL, start="random"))
    biases = [m.image.encoder.layers[0].bias[...] for m in (random, model)]
    assert not biases[0].any() and biases[1].any()


def test_each_seed_has_weights_of_its_own():
    first, again, other = (
        build(TrainConfig(seed=seed, model=MODEL, start="random")).image.encoder.layers[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.kernel[...], again.kernel[...])
    assert abs(first.kernel[...] - other.kernel[...]).mean() > 0.01
