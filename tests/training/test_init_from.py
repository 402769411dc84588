"""A run that starts from another's weights, or a wider model from a narrower one's."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.walk import estimate
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.parameters import split
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training import init_from
from kbvc_jax.training.checkpoints import Checkpoints
from kbvc_jax.training.config import CheckpointConfig
from kbvc_jax.training.init_from import Weights, start_from
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import initial_state
from tests.tiny import SSF, TINY, tiny_model
from tests.training.stub import config

WIDE = dataclasses.replace(
    TINY,
    image=CodecConfig((8, 12, 10), latent_channels=16, hyper_channels=(12, 8)),
    frame=CodecConfig((10, 8, 12), latent_channels=14, hyper_channels=(8, 10, 8)),
)
QUALITY, LEVEL = jnp.array([30.0, 80.0]), jnp.array([1, 2])


@pytest.fixture
def folder(tmp_path):
    """A run whose averaged weights are 101 and 7."""
    with open_run(tmp_path / "run", config()) as folder:
        pass
    gain, offset = {"image.gain": jnp.full(3, 101.0)}, {"interpolator.offset": jnp.full(2, 7.0)}
    state = initial_state(gain, offset, config().optimiser)
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(state, 3, {})
    return folder


def test_weights_of_another_run_replace_those_that_it_has(folder):
    parameters = {"image.gain": jnp.zeros(3), "frame.gain": jnp.ones(3)}
    started = start_from(parameters, str(folder), ModelConfig())
    np.testing.assert_array_equal(started["image.gain"], [101, 101, 101])
    np.testing.assert_array_equal(started["frame.gain"], [1, 1, 1])


@pytest.mark.heavy
def test_a_model_for_another_lambda_shows_the_same_by_finer_steps(monkeypatch):
    coarse, fine = (dataclasses.replace(TINY, fixed_lambda=value) for value in (0.01, 0.04))
    skeleton, parameters = split(tiny_model(3, coarse))
    lent = Weights(coarse, parameters)
    monkeypatch.setattr(init_from, "read_weights", lambda source: lent)
    before = skeleton.model(parameters)
    after = skeleton.model(start_from(parameters, "coarse", fine))
    rng, rate = np.random.default_rng(0), Rate(QUALITY, LEVEL)
    shapes = (2, 32, 32, 3), (2, 3, 32, 32, 3)
    frame, references = (jnp.asarray(rng.random(shape), jnp.float32) for shape in shapes)
    for name, seen in (("image", (frame,)), ("frame", (frame, references))):
        old, new = getattr(before, name), getattr(after, name)
        y, finer = old.analyse(*seen, rate), new.analyse(*seen, rate)
        np.testing.assert_allclose(finer, 2 * y, rtol=1e-4, atol=1e-5)
        z, finer_z = old.hyperprior.hyper_latent(y), new.hyperprior.hyper_latent(finer)
        np.testing.assert_allclose(finer_z, z, rtol=1e-3, atol=1e-4)
        mean, finer_mean = (codec.hyperprior.mean(z, 2, 2) for codec in (old, new))
        np.testing.assert_allclose(finer_mean, 2 * mean, rtol=1e-4, atol=1e-5)
        scale, finer_scale = (codec.hyperprior.log2_scale(z, rate, 2, 2) for codec in (old, new))
        np.testing.assert_allclose(finer_scale, scale + 1, rtol=1e-4, atol=1e-5)
        show = "synthesise" if name == "image" else "features"
        shown, finely = getattr(old, show)(y, rate), getattr(new, show)(finer, rate)
        np.testing.assert_allclose(finely, shown, rtol=1e-3, atol=1e-4)


@pytest.mark.heavy
def test_scale_space_flow_for_another_lambda_moves_and_shows_the_same(monkeypatch):
    coarse, fine = (dataclasses.replace(SSF, fixed_lambda=value) for value in (0.01, 0.04))
    skeleton, parameters = split(tiny_model(3, coarse))
    monkeypatch.setattr(init_from, "read_weights", lambda source: Weights(coarse, parameters))
    before, after = skeleton.model(parameters), skeleton.model(start_from(parameters, "a", fine))
    rng, rate = np.random.default_rng(0), Rate(QUALITY, LEVEL)
    frame, reference = jnp.asarray(rng.random((2, 2, 32, 32, 3)), jnp.float32)
    m, finer_m = (x.ssf_motion.analyse(frame, reference, rate) for x in (before, after))
    y, finer_y = (x.ssf.analyse(frame, reference, rate) for x in (before, after))
    np.testing.assert_allclose(finer_m, 2 * m, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(finer_y, 2 * y, rtol=1e-4, atol=1e-5)
    flow, finer_flow = (
        x.ssf_motion.warp(own, reference, rate).flow for x, own in ((before, m), (after, finer_m))
    )
    np.testing.assert_allclose(finer_flow, flow, rtol=1e-3, atol=1e-4)
    shown, finely = before.ssf.synthesise(y, m, rate), after.ssf.synthesise(finer_y, finer_m, rate)
    np.testing.assert_allclose(finely, shown, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sources", ["images,frames", "frames,images", "old,frames,images"])
def test_what_a_run_trained_counts_before_what_another_carried_along(monkeypatch, sources):
    def weights(image, frame, stage=""):
        lent = {"image.gain": jnp.full(2, image), "frame.gain": jnp.full(2, frame)}
        return Weights(ModelConfig(), lent, stage)

    known = {
        "images": weights(2.0, 1.0, "image"),
        "frames": weights(1.0, 3.0, "frame"),
        "old": weights(1.0, 1.0),
    }
    monkeypatch.setattr(init_from, "read_weights", known.__getitem__)
    fresh = {"image.gain": jnp.zeros(2), "frame.gain": jnp.zeros(2)}
    started = start_from(fresh, sources, ModelConfig())
    np.testing.assert_array_equal(started["image.gain"], [2, 2])
    np.testing.assert_array_equal(started["frame.gain"], [3, 3])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"image.gain": jnp.zeros(2)}, r"shape \(3,\); this configuration wants \(2,\)"),
        ({"frame.gain": jnp.zeros(5)}, "none of this model's"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, parameters, named):
    with pytest.raises(InputError, match=named):
        start_from(parameters, str(folder), ModelConfig())


def start_from_tiny(monkeypatch, model, stage="codec"):
    """The tiny model, and one of that configuration that starts from its weights."""
    narrow, wide = tiny_model(1), tiny_model(2, model)
    known, (skeleton, fresh) = split(narrow)[1], split(wide)
    monkeypatch.setattr(init_from, "read_weights", lambda source: Weights(TINY, dict(known)))
    return narrow, skeleton.model(start_from(fresh, "narrow", model, stage))


def pictures(seed: int):
    return jnp.asarray(np.random.default_rng(seed).random((2, 32, 48, 3)), jnp.float32)


@pytest.mark.heavy
def test_a_wider_model_returns_the_narrow_ones_pictures(monkeypatch):
    narrow, wide = start_from_tiny(monkeypatch, WIDE)
    frame, sides = pictures(0), [Decoded(pictures(seed), None) for seed in (1, 2)]

    def code(model: Kbvc):
        image, kernel = (model.codec(name, Size(32, 48)) for name in ("image", "kernel"))
        alone = estimate(image, frame, (), Rate(QUALITY, jnp.zeros(2, jnp.int32)))
        return alone.decoded.frame, estimate(
            kernel, frame, sides, Rate(QUALITY, LEVEL)
        ).decoded.frame

    for ours, theirs in zip(nnx.jit(code)(wide), nnx.jit(code)(narrow), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel_size": 5},
        {"image": dataclasses.replace(TINY.image, hyper_channels=(8, 6, 6))},
        {"interpolator": InterpolatorConfig(channels=(6, 6, 8, 8), side_channels=4)},
        {"frame": CodecConfig((4, 8, 8), latent_channels=8, hyper_channels=(8, 8, 8))},
    ],
)
def test_what_no_channel_can_be_added_to_is_refused(monkeypatch, changes):
    with pytest.raises(InputError, match="this configuration wants"):
        start_from_tiny(monkeypatch, dataclasses.replace(TINY, **changes))


@pytest.mark.heavy
def test_hyperpriors_of_another_depth_begin_anew_in_their_stage(monkeypatch):
    deeper = dataclasses.replace(TINY.frame, hyper_channels=(*TINY.frame.hyper_channels, 8))
    theirs, ours = start_from_tiny(
        monkeypatch, dataclasses.replace(TINY, frame=deeper), "hyperprior"
    )
    ours, theirs = split(ours)[1], split(theirs)[1]
    anew = {name for name in theirs if name.startswith("frame.hyperprior.")}
    assert len(ours) > len(theirs)
    for name in theirs.keys() - anew:
        np.testing.assert_array_equal(ours[name], theirs[name])
