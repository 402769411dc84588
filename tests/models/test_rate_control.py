"""Curves over quality, and what becomes of them when the lambdas change."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.rate_control import (
    carry_over,
    feedback_curve,
    gain_curve,
    lambda_of,
    step_octaves,
)

MODEL = ModelConfig(quality_points=5, lambda_min=0.01, lambda_max=0.16)


def test_lambdas_are_log_spaced_over_quality():
    np.testing.assert_allclose(
        lambda_of(jnp.array([0.0, 50.0, 100.0]), MODEL), [0.01, 0.04, 0.16], rtol=1e-5
    )


def test_a_model_for_one_lambda_has_it_at_every_quality():
    fixed = dataclasses.replace(MODEL, fixed_lambda=0.03)
    found = lambda_of(jnp.array([0.0, 50.0, 100.0]), fixed)
    np.testing.assert_allclose(found, np.full(3, 0.03), rtol=1e-6)


def test_the_best_step_balances_rate_and_distortion():
    """The derivative of bits + weight x distortion of one coefficient vanishes there."""
    weight = 0.02
    step = float(2 ** -step_octaves(weight))

    def cost(step):
        return -np.log2(step) + weight * 255**2 * step**2 / 12 / 3

    assert cost(step) < min(cost(step * 1.01), cost(step / 1.01))


@pytest.mark.parametrize("sign", [+1, -1])
def test_a_fresh_curve_carried_over_is_the_fresh_curve_of_the_other_model(sign):
    wider = dataclasses.replace(MODEL, lambda_min=0.001, lambda_max=0.4, quality_points=7)
    knots = np.asarray(gain_curve(MODEL, 3, range(0, 1), sign).knots[...])
    expected = gain_curve(wider, 3, range(0, 1), sign).knots[...]
    np.testing.assert_allclose(carry_over(knots, sign, MODEL, wider), expected, rtol=1e-5)


def test_a_trained_curve_keeps_its_value_for_the_same_lambda():
    knots = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    middle = dataclasses.replace(MODEL, lambda_min=0.02, lambda_max=0.08, quality_points=3)
    np.testing.assert_allclose(carry_over(knots, +1, MODEL, middle), knots[1:4], rtol=1e-5)


def test_feedback_goes_on_as_it_ended():
    wider = dataclasses.replace(MODEL, lambda_max=0.64, quality_points=7)
    knots = np.asarray(feedback_curve(MODEL, 3, range(0, 1)).knots[...])
    expected = np.minimum(np.linspace(0, 1.5, 7), 1)[:, None] * np.ones(3)
    np.testing.assert_allclose(carry_over(knots, 0, MODEL, wider), expected, atol=1e-6)
