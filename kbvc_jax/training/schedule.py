"""What changes with the step: learning rate, weight of the rate term, decay of the average."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from kbvc_jax.training.config import LossConfig, OptimiserConfig


def learning_rate(step: Int[Array, ""], steps: int, config: OptimiserConfig) -> Float[Array, ""]:
    """Linear warm-up, a plateau, and a half-cosine to `final_share` over the last `decay_steps`."""
    warmup = jnp.minimum(1.0, (step + 1) / max(1, config.warmup_steps))
    passed = jnp.clip((step - (steps - config.decay_steps)) / max(1, config.decay_steps), 0, 1)
    tail = 0.5 + 0.5 * jnp.cos(math.pi * passed)
    return config.learning_rate * warmup * (config.final_share + (1 - config.final_share) * tail)


def rate_weight(step: Int[Array, ""], config: LossConfig) -> Float[Array, ""]:
    """From `ramp_start` to 1, log-linearly."""
    passed = jnp.clip(step / max(1, config.ramp_steps), 0, 1)
    return jnp.exp((1 - passed) * math.log(config.ramp_start))


def average_decay(step: Int[Array, ""], config: OptimiserConfig) -> Float[Array, ""]:
    """Short memory at first, so that the average soon forgets the initial weights."""
    return jnp.minimum(config.ema_decay, (step + 1) / (step + 10))
