import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tiny import TINY, tiny_inference, tiny_model

from kbvc_jax.models.codecs.contract import GAUSSIAN, Decoded, Size
from kbvc_jax.models.codecs.kernel_strips import Strips, synthesise_in_strips
from kbvc_jax.models.codecs.rounding import Prices, gaussian_prices
from kbvc_jax.models.codecs.walk import Estimate, Read, Write, estimate, walk
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.ops.synthesis import synthesise
from kbvc_jax.training.starting_point import start

QUALITY, LEVEL = jnp.array([30.0, 80.0]), jnp.array([1, 2])


def frames(count, size=(32, 48), seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.random((count, *size, 3)), jnp.float32)


@nnx.jit
def shown(model):
    """A frame between two others, as training estimates it."""
    codec, rate = model.codec("kernel", Size(32, 48)), Rate(QUALITY, LEVEL)
    sides = [Decoded(frames(2, seed=seed), None) for seed in (0, 1)]
    return estimate(codec, frames(2, seed=2), sides, rate).decoded.frame


@pytest.mark.heavy
def test_a_fresh_frame_codec_returns_the_interpolated_frame():
    model = jax.jit(lambda: nnx.state(Kbvc(TINY)))()
    model = nnx.merge(nnx.graphdef(nnx.eval_shape(lambda: Kbvc(TINY))), model)
    between = nnx.jit(Kbvc.between)(model, frames(2), frames(2, seed=1))
    np.testing.assert_allclose(shown(model), between, atol=1e-5)


def test_without_interpolation_a_fresh_frame_codec_returns_the_mean():
    config = dataclasses.replace(TINY, interpolate=False)
    graph = nnx.graphdef(nnx.eval_shape(lambda: Kbvc(config)))
    model = nnx.merge(graph, jax.jit(lambda: nnx.state(Kbvc(config)))())
    mean = (frames(2) + frames(2, seed=1)) / 2
    np.testing.assert_allclose(shown(model), mean, atol=1e-5)
    np.testing.assert_array_equal(model.between(frames(2), frames(2, seed=1)), mean)


@pytest.mark.parametrize("rounding", ["nearest", "rate"])
def test_what_is_estimated_is_what_is_written_and_read(rounding):
    """Of the three coders of a walk, under the integers that choose tables."""
    inference = tiny_inference(1)
    priors = {name: own.prior for name, own in inference.entropy.items()}
    prices = {GAUSSIAN: gaussian_prices()} | {
        name: Prices.of(own.z_tables.with_certain()) for name, own in inference.entropy.items()
    }
    codec = inference.model.codec("image", Size(32, 48), priors)
    rate = Rate(QUALITY, jnp.array([0, 0]))
    exact = codec.analyse(frames(2), None, None, rate)
    coarse, write = Estimate(exact, rounding=rounding), Write(exact, (), prices, rounding)
    estimated, written = (walk(codec, coder, None, rate).known for coder in (coarse, write))
    read = walk(codec, Read(write.symbols), None, rate).known
    for name in ("z", "y"):
        np.testing.assert_array_equal(read[name], written[name])
        off = np.abs(np.asarray(estimated[name]) - written[name]) > 1e-4
        assert off.mean() < 0.02  # scales are rounded a little otherwise in integers
        assert coarse.bits[name].shape == (2,) and (coarse.bits[name] > 0).all()


def test_noise_measures_bits_and_the_decoder_sees_rounded_latents():
    codec, rate = tiny_model(1).codec("image", Size(32, 48)), Rate(QUALITY, jnp.array([0, 0]))
    exact = codec.analyse(frames(2), None, None, rate)
    plain, noisy = Estimate(exact), Estimate(exact, jax.random.key(0))
    a, b = (walk(codec, coder, None, rate).known for coder in (plain, noisy))
    np.testing.assert_array_equal(a["y"], b["y"])
    assert (jnp.abs(plain.bits["y"] - noisy.bits["y"]) > 0.1).all()
    other = Estimate(exact, jax.random.key(1))
    walk(codec, other, None, rate)
    assert (other.bits["z"] != noisy.bits["z"]).all()


def test_a_sketch_is_an_analysis_without_feedback():
    image = tiny_model(1, dataclasses.replace(TINY, fixed_lambda=0.01)).image
    rate = Rate(QUALITY, jnp.array([0, 0]))
    np.testing.assert_array_equal(image.sketch(frames(2), rate), image.analyse(frames(2), rate))


@pytest.mark.heavy
def test_feedback_tells_what_the_picture_lacks():
    """Of an encoder that tells four fifths of all: the more the higher the quality."""
    graph = nnx.graphdef(nnx.eval_shape(lambda: Kbvc(TINY)))

    @jax.jit
    def started():
        model = Kbvc(TINY)
        start(model)
        last = model.image.encoder.layers[-1]
        last.kernel[...], last.bias[...] = 0.8 * last.kernel[...], 0.8 * last.bias[...]
        return nnx.state(model)

    image = nnx.merge(graph, started()).image
    ramp = jnp.broadcast_to(jnp.linspace(0.2, 0.8, 48)[:, None], (3, 32, 48, 3))
    rate = Rate(jnp.array([0.0, 50.0, 100.0]), jnp.zeros(3, jnp.int32))
    y = image.analyse(ramp, rate)
    plain = image.scale_latent(image.encoder(ramp - 0.5), rate)
    np.testing.assert_allclose(y[0], plain[0], rtol=1e-5, atol=1e-5)
    missing = jnp.square(image.synthesise(y, rate) - ramp).mean((1, 2, 3))
    assert missing[1] < 0.7 * missing[0] and missing[2] < 0.5 * missing[1]


def test_blocks_tell_what_the_network_leaves_out():
    """Of a network that says nothing: all that as many vectors as channels can tell."""
    image = tiny_model(1).image
    for stack in (image.encoder, image.decoder):
        last = stack.layers[-1]
        last.kernel[...], last.bias[...] = 0 * last.kernel[...], 0 * last.bias[...]
    basis, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3 * 16**2, 12)))
    gain, inverse = image.gain, image.inverse_gain
    inverse.knots[...], inverse.shifts[...] = -gain.knots[...], -gain.shifts[...]
    for layer, kernel in ((image.block_encoder, basis), (image.block_decoder, basis.T)):
        layer.kernel[...] = jnp.asarray(kernel, jnp.float32)[None, None]
        layer.bias[...] = 0 * layer.bias[...]
    rate = Rate(QUALITY, jnp.array([0, 0]))
    told = image.synthesise(image.analyse(frames(2), rate), rate)
    # Blocks by hand: 2 x 3 of 16x16 pixels.
    blocks = np.asarray(frames(2)).reshape(2, 2, 16, 3, 16, 3).transpose(0, 1, 3, 2, 4, 5)
    wanted = 0.5 + (blocks.reshape(2, 2, 3, -1) - 0.5) @ basis @ basis.T
    wanted = wanted.reshape(2, 2, 3, 16, 16, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 32, 48, 3)
    np.testing.assert_allclose(told, wanted, atol=1e-4)


def test_the_papers_model_has_neither_feedback_nor_blocks():
    paper = nnx.eval_shape(lambda: Kbvc(ModelConfig(fixed_lambda=0.01)))
    assert paper.image.feedback is None
    assert paper.image.block_encoder is None and paper.image.block_decoder is None


def between_references():
    """A frame codec, two latents and what they refer to."""
    latent = jnp.asarray(np.random.default_rng(3).normal(size=(2, 2, 3, 8)), jnp.float32)
    references = jnp.stack([frames(2, seed=s) for s in range(3)], 1)
    return tiny_model(2).frame, latent, references, Rate(QUALITY, LEVEL)


@pytest.mark.parametrize("pixels", [32 * 48, 500])
def test_strips_equal_the_whole_frame(pixels):
    codec, latent, references, rate = between_references()
    features = codec.features(latent, rate)
    whole = synthesise(references, *codec.kernels(features))
    strips = Strips.of(16, 24, pixels)
    assert (strips.count > 1) == (pixels == 500)
    found = synthesise_in_strips(codec, features, references, pixels)
    np.testing.assert_allclose(found, whole, atol=1e-4)


@pytest.mark.heavy
def test_bfloat16_stays_near_float32():
    precise = tiny_model(1)
    state = nnx.state(precise)
    rough = nnx.merge(nnx.graphdef(nnx.eval_shape(lambda: Kbvc(TINY, dtype=jnp.bfloat16))), state)
    a, b = (shown(model) for model in (precise, rough))
    assert b.dtype == jnp.float32
    assert jnp.abs(a - b).mean() < 0.2 * jnp.std(a)
