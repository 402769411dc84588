import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
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
    return replicate(initial_state(stage.trainable, stage.frozen, CONFIG.optimiser))


@pytest.fixture(scope="module")
def batch():
    return split_batch(next(Clips())["frames"])


def unchanged(a, b) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_a_step_trains_the_codecs_and_leaves_the_interpolator_alone(step, state, batch):
    before = fetch(state)
    after, metrics = fetch(step(state, batch))
    assert after.frozen.keys() == {"interpolator.offset"} and unchanged(after.frozen, before.frozen)
    assert all(not np.array_equal(after.trainable[k], before.trainable[k]) for k in after.trainable)
    assert int(after.step) == 1 and int(metrics["skipped"]) == 0
    assert np.isfinite(metrics["loss"]) and metrics["psnr/B2"] > 0


@pytest.mark.parametrize("part", ["image", "frame"])
def test_the_stage_of_one_codec_leaves_everything_else_alone(part, batch):
    own = config(stage=part)
    stage = build_stage(own, StubModel())
    other = {"image": "frame", "frame": "image"}[part]
    assert stage.frozen.keys() == {f"{other}.gain", f"{other}.spent", "interpolator.offset"}
    before = initial_state(stage.trainable, stage.frozen, CONFIG.optimiser)
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
    state = replicate(initial_state(trainable, {}, CONFIG.optimiser))
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


# Losses whose gradients the frames choose.
BRIGHT, DARK = np.full_like(next(Clips())["frames"], 255), np.zeros_like(next(Clips())["frames"])


def train_plainly(clips, loss, **changes):
    """A state and a row of metrics for each step on one weight."""
    optimiser = dataclasses.replace(CONFIG.optimiser, **changes)
    step = train_step(config(optimiser=optimiser), loss)
    state = replicate(initial_state({"w": jnp.ones(3)}, {}, optimiser))
    states, rows = [], []
    for frames in clips:
        state, metrics = step(state, split_batch(frames))
        states.append(fetch(state))
        rows.append(fetch(metrics))
    return states, rows


def steep_where_bright(parameters, frames, key, rate_weight):
    """A gradient of 1 in the dark and of 10,001 in the light."""
    loss = (1 + 1e4 * frames.mean()) * parameters["w"].sum()
    return loss, {"loss": loss}


def broken_where_bright(parameters, frames, key, rate_weight):
    loss = jnp.where(frames.mean() > 0.5, jnp.nan, 1.0) * parameters["w"].sum()
    return loss, {"loss": loss}


def infinite_where_bright(parameters, frames, key, rate_weight):
    """While its gradient is as ever."""
    loss = parameters["w"].sum()
    return loss, {"loss": jnp.where(frames.mean() > 0.5, jnp.inf, loss)}


@pytest.mark.parametrize("loss", [broken_where_bright, infinite_where_bright])
@pytest.mark.parametrize("spike_factor", [20.0, None])
def test_what_is_not_finite_skips_the_step_and_is_counted(loss, spike_factor):
    states, rows = train_plainly([DARK, BRIGHT, DARK], loss, spike_factor=spike_factor)
    assert [int(row["skipped"]) for row in rows] == [0, 1, 1]
    assert [int(row["skipped_in_a_row"]) for row in rows] == [0, 1, 0]
    assert unchanged(states[1].trainable, states[0].trainable)
    assert unchanged(states[1].average, states[0].average)
    assert not unchanged(states[2].trainable, states[1].trainable)
    assert [int(state.step) for state in states] == [1, 2, 3]


def test_a_skipped_step_counts_for_the_schedule():
    """Adam's steps are as long as the learning rate while its gradients stay the same."""
    states, rows = train_plainly([DARK, BRIGHT, DARK], broken_where_bright, warmup_steps=3)
    moved = states[1].trainable["w"] - states[2].trainable["w"]
    np.testing.assert_allclose(moved, CONFIG.optimiser.learning_rate, rtol=1e-3)
    assert float(rows[2]["learning_rate"]) == pytest.approx(CONFIG.optimiser.learning_rate)


def test_a_spike_is_skipped_once_there_is_a_usual_norm():
    clips = [DARK] * 25 + [BRIGHT, DARK]
    states, rows = train_plainly(clips, steep_where_bright)
    assert [int(row["skipped_in_a_row"]) for row in rows[24:]] == [0, 1, 0]
    assert unchanged(states[25].trainable, states[24].trainable)
    without = train_plainly(clips, steep_where_bright, spike_factor=None)[1]
    assert int(without[-1]["skipped"]) == 0


def test_after_ten_skips_in_a_row_nothing_changes_any_more():
    clips = [DARK] + [BRIGHT] * MAX_SKIPPED_IN_A_ROW + [DARK] * 2
    states, rows = train_plainly(clips, broken_where_bright)
    assert unchanged(states[-1].trainable, states[0].trainable)
    assert int(rows[-1]["skipped_in_a_row"]) >= MAX_SKIPPED_IN_A_ROW


def test_without_an_average_the_last_weights_are_those_that_count():
    states, _ = train_plainly([DARK] * 3, steep_where_bright, ema_decay=0.0)
    assert unchanged(states[-1].average, states[-1].trainable)


def first_moment(clip_norm):
    states, _ = train_plainly([BRIGHT], steep_where_bright, clip_norm=clip_norm)
    return np.linalg.norm(optax.tree.get(states[0].optimiser, "mu")["w"])


def test_gradients_are_clipped_where_that_is_asked_for():
    """Adam forgets the scale of a gradient, but not within its moments."""
    assert first_moment(1e-3) == pytest.approx(0.1 * 1e-3, rel=1e-3)
    assert first_moment(None) == pytest.approx(0.1 * 10_001 * 3**0.5, rel=1e-3)


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
    assert found.frames.shape == (5, 16, 16, 3)


def test_later_steps_compile_nothing(stage, state, batch):
    traced = []

    def loss(*arguments):
        traced.append(1)
        return stage.loss(*arguments)

    step = train_step(CONFIG, loss)
    for _ in range(3):
        state, _ = step(state, batch)
    assert len(traced) == 1
