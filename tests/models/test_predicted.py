"""Latents predicted in time: modes, predictors, and what is kept."""

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY, tiny_inference

from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.modes import choose_modes
from kbvc_jax.models.codecs.predicted import (
    MODE_COUNTS,
    NARROWER,
    PREDICTORS,
    PredictedCodec,
    Predictors,
)
from kbvc_jax.models.codecs.rounding import gaussian_prices
from kbvc_jax.models.hyperprior import Gaussian, Rate

SIZE = Size(48, 64)
RATE = Rate(jnp.array([40.0, 40.0]), jnp.zeros(2, jnp.int32))
M, C = TINY.image.latent_channels, TINY.image.hyper_channels[-1]
LATENT, Z = (2, 3, 4, M), (2, 1, 1, C)


@pytest.fixture(scope="module")
def codec():
    inference = tiny_inference(1)
    priors = {name: own.prior for name, own in inference.entropy.items()}
    return inference.model.codec("predicted", SIZE, priors)


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng(0)
    latents = jnp.asarray(rng.normal(0, 3, (PREDICTORS, *LATENT)), jnp.float32)
    z, frames = jnp.asarray(rng.integers(-3, 4, Z)), jnp.asarray(rng.random((2, 2, *SIZE, 3)))
    return Predictors(latents, z, frames.astype(jnp.float32))


def latent_of(codec, name):
    (found,) = [latent for latent in codec.latents if latent.name == name]
    return found


def drawn_modes():
    return np.random.default_rng(1).permutation(24).reshape(LATENT[:3]) % len(MODE_COUNTS)


def test_a_mode_names_a_predictor_and_how_much_narrower_tables_are(codec, context):
    modes, z = drawn_modes(), jnp.zeros(Z, jnp.int32)
    known = {"modes": jnp.asarray(modes, jnp.float32), "z": jnp.zeros(Z)}
    y = latent_of(codec, "y")
    mean = codec.mean(y, known, lambda mean: mean, context, RATE)
    told = codec.network.hyperprior.mean(known["z"], *SIZE.blocks)
    tables = codec.tables(y, {"modes": jnp.asarray(modes), "z": z}, (Memory(None, z),), RATE)
    of_z = np.asarray(codec.y_tables("image", z, RATE), int)
    for at in np.ndindex(modes.shape):
        if modes[at] == 0:
            expected = told[at], of_z[at]
        else:
            predictor, kind = divmod(modes[at] - 1, len(NARROWER))
            lower = np.maximum(of_z[at] - NARROWER[kind], 0)
            expected = context.latents[predictor, *at], lower
        np.testing.assert_allclose(mean[at], expected[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(tables[at], expected[1])


def test_training_sees_the_scales_of_the_narrower_tables(codec, context):
    known = {"modes": jnp.asarray(drawn_modes(), jnp.float32), "z": jnp.zeros(Z)}
    y = latent_of(codec, "y")
    density = codec.density(y, known, context, RATE)
    told = super(PredictedCodec, codec).density(y, known, context, RATE)
    assert isinstance(density, Gaussian) and isinstance(told, Gaussian)
    for at in np.ndindex(*LATENT[:3]):
        by = (0, *NARROWER * PREDICTORS)[int(known["modes"][at])]
        lower = np.maximum(np.asarray(told.indexes[at]) - by, 0)
        np.testing.assert_array_equal(density.indexes[at], lower)


@pytest.mark.parametrize("alike", [None, *range(PREDICTORS)])
def test_the_predictor_that_is_alike_is_chosen(alike):
    rng = np.random.default_rng(0)
    mean, predictors = rng.normal(20, 3, LATENT), rng.normal(-20, 3, (PREDICTORS, *LATENT))
    indexes = jnp.full(LATENT, 30)
    y, mean, predictors = map(
        jnp.asarray, (mean if alike is None else predictors[alike], mean, predictors)
    )
    modes = choose_modes(y, mean, indexes, predictors, NARROWER, gaussian_prices(), 30.0)
    expected = 0 if alike is None else 1 + len(NARROWER) * alike  # a copy: all is known
    assert (np.asarray(modes) == expected).all()


def test_z_is_kept_where_all_its_latents_are_predicted(codec, context):
    """One position of z is all of a frame here."""
    modes = jnp.stack([jnp.ones(LATENT[1:3], jnp.int32), jnp.arange(12).reshape(3, 4) % 9])
    z, symbols = latent_of(codec, "z"), {"modes": modes}
    tables = codec.tables(z, symbols, (Memory(None, context.z),), RATE)
    last = len(tiny_inference(1).entropy["image"].z_tables.lengths)
    assert (tables[0] == last).all() and (tables[1] < last).all()
    mean = codec.mean(z, {"modes": modes.astype(jnp.float32)}, lambda m: m, context, RATE)
    np.testing.assert_array_equal(mean[0], context.z[0])
    np.testing.assert_array_equal(mean[1], 0)
    density = codec.density(z, {"modes": modes.astype(jnp.float32)}, context, RATE)
    bits = density.bits(jnp.zeros(Z))
    assert (bits[0] == 0).all() and (bits[1] > 0).all()


def test_what_stands_still_is_foreseen_as_the_mean_of_what_is_known(codec):
    rng = np.random.default_rng(5)
    frame = jnp.asarray(rng.random((2, *SIZE, 3)), jnp.float32)
    known = [
        Memory(jnp.asarray(rng.normal(size=LATENT), jnp.float32), jnp.full(Z, side))
        for side in (3, 4)
    ]

    class Still(type(codec.model)):
        def between(self, previous, following):
            return (previous + following) / 2

    model = codec.model
    own, model.__class__ = model.__class__, Still
    try:
        found = codec.context([Decoded(frame, memory) for memory in known], RATE)
    finally:
        model.__class__ = own
    before, after = (codec.network.scale_latent(memory.latent, RATE) for memory in known)
    np.testing.assert_allclose(found.latents, [(before + after) / 2, before, after], atol=1e-4)
    np.testing.assert_array_equal(found.z, 3)
