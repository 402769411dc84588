"""What changes with the step: learning rate, weight of the rate term, decay of the average."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from kbvc_jax.training.config import LossConfig, OptimiserConfig


def learning_rate(steps: int, config: OptimiserConfig) -> optax.Schedule:
    """Linear warm-up, a plateau, and a half-cosine to `final_share` over the last `decay_steps`.

    A product: a run that is shorter than both together still has both.
    """
    warmup, tail = config.warmup_steps, config.decay_steps
    rising = optax.linear_schedule(1 / warmup, 1.0, warmup - 1) if warmup > 1 else _one
    falling = optax.cosine_decay_schedule(1.0, tail, config.final_share) if tail else _one
    falling = optax.join_schedules([_one, falling], [steps - tail])
    return lambda step: config.learning_rate * rising(step) * falling(step)


def rate_weight(step: Int[Array, ""], config: LossConfig) -> Float[Array, ""]:
    """From `ramp_start` to 1, log-linearly."""
    start, steps = config.ramp_start, max(1, config.ramp_steps)
    return jnp.asarray(optax.exponential_decay(start, steps, 1 / start, end_value=1.0)(step))


def average_decay(step: Int[Array, ""], config: OptimiserConfig) -> Float[Array, ""]:
    """Short memory at first, so that the average soon forgets the initial weights."""
    return jnp.minimum(config.ema_decay, (step + 1) / (step + 10))


_one = optax.constant_schedule(1.0)
