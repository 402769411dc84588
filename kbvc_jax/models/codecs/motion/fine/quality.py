"""Quantisation steps: a global one, by level and quality, times one a channel."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.rate_control import lambda_of, step_octaves
from kbvc_jax.rate import LEVEL_LAMBDAS, MAX_QUALITY


class Step(nnx.Module):
    """The factor of each frame and channel; at first what quality asks for, or its inverse."""

    def __init__(self, config: ModelConfig, channels: int, sign: int):
        quality = jnp.linspace(0, MAX_QUALITY, config.quality_points)
        lambdas = jnp.array(LEVEL_LAMBDAS)[:, None] * lambda_of(quality, config)
        middle = step_octaves((config.lambda_min * config.lambda_max) ** 0.5)
        self.common = nnx.Param(sign * (step_octaves(lambdas) - middle))
        self.channels = nnx.Param(jnp.zeros(channels))

    def __call__(self, rate: Rate) -> Float[Array, "b 1 1 c"]:
        common = self.common[...][rate.level]
        place = rate.quality / MAX_QUALITY * (common.shape[-1] - 1)
        hats = jnp.maximum(0, 1 - jnp.abs(place[:, None] - jnp.arange(common.shape[-1])))
        octaves = (hats * common).sum(-1, keepdims=True) + self.channels[...]
        return jnp.exp2(octaves)[:, None, None]
