"""Adam and its guards, as one chain of Optax's transformations."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from kbvc_jax.models.parameters import Parameters
from kbvc_jax.training import schedule
from kbvc_jax.training.config import OptimiserConfig
from kbvc_jax.training.parameters import DENSITY

_NEVER = np.iinfo(np.int32).max
_SETTLING_STEPS = 20  # before the running norm is one


class SpikeState(NamedTuple):
    step: Int[Array, ""]
    usual_norm: Float[Array, ""]  # running mean


def optimiser(config: OptimiserConfig, steps: int) -> optax.GradientTransformation:
    guards = [] if config.spike_factor is None else [spikes_to_nan(config.spike_factor)]
    clip = [] if config.clip_norm is None else [optax.clip_by_global_norm(config.clip_norm)]
    adam = optax.chain(
        *clip,
        optax.scale_by_adam(),
        optax.masked(optax.scale(config.density_speed), _densities),
    )
    return optax.chain(
        *guards,
        # It would accept what is not finite in the end; the loop stops the run before.
        optax.apply_if_finite(adam, max_consecutive_errors=_NEVER),
        # Outside of the guard: a skipped step counts for the schedule.
        optax.scale_by_learning_rate(schedule.learning_rate(steps, config)),
    )


def skipped_in_a_row(state: optax.OptState) -> Int[Array, ""]:
    return optax.tree.get(state, "notfinite_count")


def skipped(state: optax.OptState) -> Int[Array, ""]:
    return optax.tree.get(state, "total_notfinite")


def spikes_to_nan(factor: float) -> optax.GradientTransformation:
    """Makes NaN, which `apply_if_finite` skips, of a gradient much larger than its running mean.

    Optax's own `skip_large_updates` knows a fixed limit alone. A spike enters the mean as the
    limit, so that a lasting change is accepted in the end.
    """

    def start(params: Any) -> SpikeState:
        return SpikeState(jnp.zeros((), jnp.int32), jnp.zeros(()))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SpikeState]:
        step, usual = state
        norm = optax.tree.norm(updates)
        limit = jnp.where(step < _SETTLING_STEPS, jnp.inf, factor * usual)
        share = jnp.maximum(0.02, 1 / (step + 1))
        seen = jnp.where(jnp.isfinite(norm), jnp.minimum(norm, limit), usual)
        updates = nan_unless(norm <= limit, updates)
        return updates, SpikeState(step + 1, usual + share * (seen - usual))

    return optax.GradientTransformation(start, update)


def nan_unless(good: Array, gradients: Parameters) -> Parameters:
    return jax.tree.map(lambda g: jnp.where(good, g, jnp.nan), gradients)


def _densities(parameters: Any) -> dict[str, bool]:
    return {name: DENSITY in name for name in parameters}
