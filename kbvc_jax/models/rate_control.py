"""One network for every quality: gains around the quantiser, chosen by quality and level.

Quality 0..100 selects a Lagrange weight (log-spaced), and by linear interpolation between knots a
log2 gain for each latent channel. The frame's level in the hierarchy shifts the curves.
"""

import math

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from kbvc_jax.models.config import ModelConfig

MAX_QUALITY = 100
# Section 3.3: lambda of the I-frame, of inner B-frames, of the leaves of the hierarchy.
LEVEL_LAMBDAS = (1.0, 0.85, 0.7)
START_OCTAVES = 2.0


def lambda_of(quality: Float[Array, "*b"] | float, config: ModelConfig) -> Float[Array, "*b"]:
    """The Lagrange weight that a quality is trained with."""
    ratio = math.log(config.lambda_max / config.lambda_min)
    return config.lambda_min * jnp.exp(jnp.asarray(quality) / MAX_QUALITY * ratio)


class Curve(nnx.Module):
    """A value a channel, piecewise linear in quality, shifted by level."""

    def __init__(self, knots: Float[Array, "p c"], shifts: Float[Array, "l c"], first_level: int):
        self.knots, self.shifts = nnx.Param(knots), nnx.Param(shifts)
        self.first_level = first_level

    def __call__(self, quality: Float[Array, "b"], level: Int[Array, "b"]) -> Float[Array, "b c"]:
        knots = self.knots[...]
        position = quality / MAX_QUALITY * (len(knots) - 1)
        # Hat functions instead of a gather: dense gradients, same value.
        hats = jnp.maximum(0, 1 - jnp.abs(position[:, None] - jnp.arange(len(knots))))
        return hats @ knots + self.shifts[...][level - self.first_level]


def step_curve(config: ModelConfig, levels: range, sign: int, start: float) -> Curve:
    """log2 of where the optimal step is, proportional to 1 / sqrt(lambda); 0 + start mid-way."""
    octaves = 0.5 * math.log2(config.lambda_max / config.lambda_min)
    knots = start + jnp.linspace(-octaves / 2, octaves / 2, config.quality_points)
    shifts = 0.5 * jnp.log2(jnp.array([LEVEL_LAMBDAS[level] for level in levels]))
    ones = jnp.ones(config.latent_channels)
    return Curve(sign * knots[:, None] * ones, sign * shifts[:, None] * ones, levels.start)


def gain_curve(config: ModelConfig, levels: range, sign: int) -> Curve:
    """log2 gains before (+1) and after (-1) the quantiser.

    The fresh encoder's latents deviate by about 1/4: without START_OCTAVES all round to nothing.
    """
    return step_curve(config, levels, sign, START_OCTAVES)


def scale_curve(config: ModelConfig, levels: range) -> Curve:
    """log2 of what quality does to the scales of y: at first, what it does to y itself."""
    return step_curve(config, levels, +1, 0.0)
