import math

import jax.numpy as jnp
import pytest

from kbvc_jax.training import schedule
from kbvc_jax.training.config import LossConfig, OptimiserConfig

OPTIMISER = OptimiserConfig(learning_rate=1.0, warmup_steps=10, decay_steps=20, final_share=0.1)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.1), (4, 0.5), (9, 1.0), (80, 1.0), (90, 0.55), (100, 0.1)]
)
def test_learning_rate_warms_up_stays_and_falls_over_the_tail(step, expected):
    assert schedule.learning_rate(100, OPTIMISER)(jnp.int32(step)) == pytest.approx(expected)


def test_learning_rate_without_a_tail_stays():
    short, long = (schedule.learning_rate(steps, OptimiserConfig()) for steps in (100, 1000))
    assert short(jnp.int32(99)) == pytest.approx(1e-4 * 100 / 500)
    assert long(jnp.int32(999)) == pytest.approx(1e-4)


def test_a_run_that_is_shorter_than_its_tail_begins_within_it():
    rate = schedule.learning_rate(10, OPTIMISER)
    assert rate(jnp.int32(0)) == pytest.approx(0.1 * 0.55)
    assert rate(jnp.int32(10)) == pytest.approx(0.1)


def test_learning_rate_without_a_warm_up_begins_in_full():
    flat = OptimiserConfig(learning_rate=0.5, warmup_steps=0)
    assert schedule.learning_rate(100, flat)(jnp.int32(0)) == 0.5


def test_rate_weight_rises_log_linearly_from_its_start_to_one():
    config = LossConfig(ramp_start=0.04, ramp_steps=100)
    weights = [float(schedule.rate_weight(jnp.int32(step), config)) for step in (0, 50, 100, 500)]
    assert weights == pytest.approx([0.04, math.sqrt(0.04), 1.0, 1.0])


def test_average_forgets_fast_at_first():
    config = OptimiserConfig(ema_decay=0.99)
    assert float(schedule.average_decay(jnp.int32(0), config)) == pytest.approx(0.1)
    assert float(schedule.average_decay(jnp.int32(100_000), config)) == pytest.approx(0.99)
