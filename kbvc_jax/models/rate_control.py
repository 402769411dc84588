"""One network for every quality: gains around the quantiser, chosen by quality and level.

Quality 0..100 selects a Lagrange weight (log-spaced), and by linear interpolation between knots a
log2 gain for each latent channel. The frame's level in the hierarchy shifts the curves.
"""

import math

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.ops.lookup import entries
from kbvc_jax.rate import LEVEL_LAMBDAS, MAX_QUALITY


def lambda_of(quality: Float[Array, "*b"] | float, config: ModelConfig) -> Float[Array, "*b"]:
    """The Lagrange weight that a quality is trained with; or the only one that there is."""
    if config.fixed_lambda is not None:
        return jnp.full(jnp.shape(quality), config.fixed_lambda)
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
        return hats @ knots + entries(self.shifts[...], level - self.first_level)


def step_octaves(weight: Float[Array, "*b"] | float) -> Float[Array, "*b"]:
    """log2 of the gain, the inverse of the best uniform step, for an orthonormal transform.

    At high rate a coefficient costs -log2(step) bits, and weight * 255^2 * step^2 / 12 / 3, being
    one of three to a pixel.
    """
    return 0.5 * jnp.log2(jnp.asarray(weight) * 255**2 * math.log(2) / 18)


def gain_curve(config: ModelConfig, channels: int, levels: range, sign: int) -> Curve:
    """log2 gains before (+1) and after (-1) the quantiser."""
    quality = jnp.linspace(0, MAX_QUALITY, config.quality_points)
    knots = step_octaves(lambda_of(quality, config))
    shifts = 0.5 * jnp.log2(jnp.array([LEVEL_LAMBDAS[level] for level in levels]))
    ones = jnp.ones(channels)
    return Curve(sign * knots[:, None] * ones, sign * shifts[:, None] * ones, levels.start)


def scale_curve(config: ModelConfig, channels: int, levels: range) -> Curve:
    """log2 of what quality does to the scales of y: at first, what it does to y itself."""
    return gain_curve(config, channels, levels, +1)


def spread_curve(config: ModelConfig, channels: int, levels: range) -> Curve:
    """log2 of what quality does to the density of z: at first, what it does to y, from 1 in the
    middle of the range."""
    curve = gain_curve(config, channels, levels, +1)
    middle = math.sqrt(config.lambda_min * config.lambda_max)
    return Curve(curve.knots[...] - step_octaves(middle), curve.shifts[...], levels.start)


def feedback_curve(config: ModelConfig, channels: int, levels: range) -> Curve:
    """The share of what is missing that is told again: at first none of it at quality 0, all at
    100. Where rate is dear, detail is better left out."""
    knots = jnp.linspace(0, 1, config.quality_points)[:, None] * jnp.ones(channels)
    return Curve(knots, jnp.zeros((len(levels), channels)), levels.start)


def carry_over(
    knots: Float[np.ndarray, "p c"], sign: int, source: ModelConfig, target: ModelConfig
) -> Float[np.ndarray, "q c"]:
    """A curve of a model with other lambdas: the same value for the same lambda.

    Beyond the source's range, on along the line that a fresh curve is; `sign` 0 is a level one.
    """
    known, wanted = (
        np.linspace(math.log2(c.lambda_min), math.log2(c.lambda_max), c.quality_points)
        for c in (source, target)
    )
    inside = np.stack([np.interp(wanted, known, channel) for channel in np.asarray(knots).T], 1)
    beyond = wanted - np.clip(wanted, known[0], known[-1])
    return (inside + sign * 0.5 * beyond[:, None]).astype(np.float32)
