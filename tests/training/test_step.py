import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.training.stages import build_stage
from kbvc_jax.training.step import (
    MAX_SKIPPED_IN_A_ROW,
    evaluation_step,
    fetch,
    initial_state,
    replicate,
    split_batch,
    train_step,
)
from tests.training.stub import BATCH, Clips, StubModel, config

CONFIG = config()


@pytest.fixture(scope="module")
def stage():
    return build_stage(CONFIG, StubModel())


@pytest.fixture(scope="module")
def step(stage):
    return train_step(CONFIG, stage.loss)


@pytest.fixture
def state(stage):
    return replicate(initial_state(stage.trainable, stage.frozen))


@pytest.fixture(scope="module")
def batch():
    return split_batch(next(Clips())["frames"])


def unchanged(a, b) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_a_step_trains_the_codecs_and_leaves_the_interpolator_alone(step, state, batch):
    before = fetch(state)
    after, metrics = step(state, batch)
    after = fetch(after)
    assert after.frozen.keys() == {"interpolator.offset"} and unchanged(after.frozen, before.frozen)
    assert all(not np.array_equal(after.trainable[k], before.trainable[k]) for k in after.trainable)
    assert int(after.step) == 1 and int(after.skipped) == 0
    assert np.isfinite(metrics["loss"]) and metrics["psnr/B2"] > 0


@pytest.mark.parametrize("part", ["image", "frame"])
def test_the_stage_of_one_codec_leaves_everything_else_alone(part, batch):
    own = config(stage=part)
    stage = build_stage(own, StubModel())
    other = {"image": "frame", "frame": "image"}[part]
    assert stage.frozen.keys() == {f"{other}.gain", f"{other}.spent", "interpolator.offset"}
    before = initial_state(stage.trainable, stage.frozen)
    after = fetch(train_step(own, stage.loss)(replicate(before), batch)[0])
    assert after.trainable.keys() == {f"{part}.gain", f"{part}.spent"}
    assert unchanged(after.frozen, before.frozen)
    assert not any(np.array_equal(after.trainable[k], stage.trainable[k]) for k in stage.trainable)


def test_the_frozen_interpolators_input_gradient_reaches_the_image_codec(stage):
    """The stub's B-frames see the interpolated frame alone."""
    frames = jnp.asarray(next(Clips())["frames"][0] / 255, jnp.float32)
    everything = stage.trainable | stage.frozen
    gradient = jax.grad(lambda p: stage.loss(p, frames, jax.random.key(0), jnp.float32(1))[0])
    with_interpolator = gradient(everything)
    assert np.abs(with_interpolator["image.gain"]).min() > 1e-3


def test_densities_of_z_learn_faster(stage):
    """Adam's first step is the learning rate, whatever the gradient."""
    trainable = {"image.hyperprior.bottleneck.x": jnp.ones(2), "image.encoder.x": jnp.ones(2)}

    def loss(parameters, frames, key, rate_weight):
        return sum(p.sum() for p in parameters.values()) + 0 * frames.sum(), {"loss": jnp.ones(())}

    frames = split_batch(next(Clips())["frames"])
    state = replicate(initial_state(trainable, {}))
    after = fetch(train_step(CONFIG, loss)(state, frames)[0]).trainable
    density, other = (1 - after[f"image.{name}.x"] for name in ("hyperprior.bottleneck", "encoder"))
    np.testing.assert_allclose(density / other, CONFIG.optimiser.density_speed, rtol=1e-3)


def test_the_average_follows_the_weights(step, state, batch):
    before = fetch(state)
    after = fetch(step(state, batch)[0])
    decay = 0.1  # of the first step: see average_decay
    for name, value in after.trainable.items():
        expected = decay * before.average[name] + (1 - decay) * value
        np.testing.assert_allclose(after.average[name], expected, rtol=1e-5)


def test_training_lowers_the_loss(step, state, stage):
    """Of one group at one quality: the losses of the steps are of others, drawn anew each time."""
    clips = Clips()
    frames = jnp.asarray(next(clips)["frames"][0] / 255, jnp.float32)

    def loss():
        values = jax.tree.map(jnp.asarray, fetch(state.trainable | state.frozen))
        return float(stage.evaluate(values, frames, jnp.float32(50))[0]["loss"])

    before = loss()
    for _ in range(30):
        state, _ = step(state, split_batch(next(clips)["frames"]))
    assert loss() < 0.9 * before


def test_a_gradient_that_is_not_finite_skips_the_step_and_is_counted(step, state, batch):
    state = step(state, batch)[0]
    broken = state._replace(frozen={"interpolator.offset": jnp.full(3, jnp.nan)})
    before = fetch(broken)
    after, metrics = step(broken, batch)
    after = fetch(after)
    assert int(metrics["skipped"]) == int(metrics["skipped_in_a_row"]) == 1
    assert unchanged(after.trainable, before.trainable)
    assert unchanged(after.average, before.average)
    assert int(after.moments.count) == int(before.moments.count)
    assert int(after.step) == int(before.step) + 1


def test_a_spike_is_skipped_and_an_ordinary_step_resets_the_row(step, state, batch):
    settled = state._replace(step=jnp.int32(100), gradient_norm=jnp.float32(1e-9))
    before = fetch(settled)
    spiked, _ = step(settled, batch)
    assert int(spiked.skipped_in_a_row) == 1
    assert unchanged(fetch(spiked).trainable, before.trainable)
    calm, _ = step(spiked._replace(gradient_norm=jnp.float32(10)), batch)
    assert int(calm.skipped_in_a_row) == 0 and int(calm.skipped) == 1


def test_a_lasting_change_is_no_spike_for_ever(step, state, batch):
    _, metrics = step(jax.tree.map(jnp.copy, state), batch)
    usual = metrics["gradient_norm"] / (3 * CONFIG.optimiser.spike_factor)
    state = state._replace(step=jnp.int32(100), gradient_norm=usual)
    skipped = []
    for _ in range(MAX_SKIPPED_IN_A_ROW - 1):
        state, metrics = step(state, batch)
        skipped.append(int(metrics["skipped_in_a_row"]))
    assert skipped[0] == 1 and skipped[-1] == 0


def test_after_ten_skips_in_a_row_nothing_changes_any_more(step, state, batch):
    halted = state._replace(skipped_in_a_row=jnp.int32(MAX_SKIPPED_IN_A_ROW))
    before = fetch(halted)
    after = fetch(step(halted, batch)[0])
    assert unchanged(after.trainable, before.trainable)


def test_gradients_are_clipped(stage, state, batch):
    """Adam forgets the scale of a gradient, but not within its moments."""
    tight = dataclasses.replace(CONFIG.optimiser, clip_norm=1e-3)
    after, _ = train_step(config(optimiser=tight), stage.loss)(state, batch)
    moments = fetch(after).moments.mu
    norm = np.sqrt(sum(float((m**2).sum()) for m in moments.values()))
    assert norm == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_groups_of_a_batch_get_qualities_and_noise_of_their_own(stage, state):
    """The same group eight times over."""
    frames = np.repeat(next(Clips())["frames"][:1], BATCH, 0)

    def loss(parameters, group, key, rate_weight):
        value, metrics = stage.loss(parameters, group, key, rate_weight)
        return value, metrics | {"spread": metrics["bpp"] ** 2}

    _, metrics = train_step(CONFIG, loss)(state, split_batch(frames))
    assert metrics["spread"] - metrics["bpp"] ** 2 > 1e-7


def test_evaluation_reports_exact_rates_at_a_quality(stage, batch):
    evaluate = evaluation_step(stage.evaluate)
    weights = stage.trainable | stage.frozen
    metrics, found = evaluate(weights, batch, jnp.float32(50))
    assert float(metrics["bpp"]) == pytest.approx(3 * 2**2 * 1.5, rel=1e-5)
    assert found.shape == (5, 16, 16, 3)


def test_later_steps_compile_nothing(stage, state, batch):
    traced = []

    def loss(*arguments):
        traced.append(1)
        return stage.loss(*arguments)

    step = train_step(CONFIG, loss)
    for _ in range(3):
        state, _ = step(state, batch)
    assert len(traced) == 1
