"""The things that one trains: what each minimises, and how it is validated.

A stage's functions take all parameters that it holds, as one flat dict.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.parameters import Parameters, split
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.fusion_loss import fusion_loss
from kbvc_jax.training.interpolator_loss import interpolation_loss
from kbvc_jax.training.loss import (
    Metrics,
    code_group,
    draw_quality,
    falling,
    rate,
    rate_distortion,
)
from kbvc_jax.training.parameters import INTERPOLATOR, trained_in
from kbvc_jax.training.step import GroupLoss


class Stage(NamedTuple):
    loss: GroupLoss
    # (parameters, one group's frames, quality) -> metrics, frames found
    evaluate: Callable[[Parameters, Array, Array], tuple[Metrics, Array]]
    qualities: tuple[float, ...]  # the ladder of a validation
    trainable: Parameters
    frozen: Parameters


def build_stage(config: TrainConfig, model: Kbvc) -> Stage:
    special = {"interpolator": _interpolator, "fusion": _fusion}
    return special.get(config.stage, _codec)(config, model)


def _parted(config: TrainConfig, everything: Parameters) -> tuple[Parameters, Parameters]:
    """What the stage trains, and what stands still."""
    trainable = {name: v for name, v in everything.items() if trained_in(config.stage, name)}
    return trainable, {name: v for name, v in everything.items() if name not in trainable}


def _codec(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    objective = rate if config.stage == "hyperprior" else rate_distortion

    def loss(values, frames, key, rate_weight):
        quality_key, noise_key = jax.random.split(key)
        quality = draw_quality(quality_key, len(frames), config.loss)
        coded = code_group(skeleton.model(values), frames, quality, noise_key, remat=config.remat)
        return objective(coded, frames, quality, rate_weight, config)

    def evaluate(values, frames, quality):
        quality = falling(quality, sum(config.loss.fall) / 2, len(frames))
        coded = code_group(skeleton.model(values), frames, quality)
        _, metrics = rate_distortion(coded, frames, quality, 1.0, config)
        return metrics, jnp.clip(coded.frames, 0, 1)

    qualities = config.validation.qualities if config.model.gains else (0.0,)
    return Stage(loss, evaluate, qualities, *_parted(config, everything))


def _fusion(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    (low, high), (least, most) = config.loss.quality, config.loss.fall

    def loss(values, frames, key, rate_weight):
        quality_key, fall_key, alone_key = jax.random.split(key, 3)
        quality = jax.random.uniform(quality_key, minval=low, maxval=high)
        fall = jax.random.uniform(fall_key, minval=least, maxval=most)
        alone = jax.random.bernoulli(alone_key, config.loss.alone)
        return fusion_loss(skeleton.model(values), frames, quality, fall, alone, config)[:2]

    def evaluate(values, frames, quality):
        fall = sum(config.loss.fall) / 2
        model = skeleton.model(values)
        _, metrics, found = fusion_loss(model, frames, quality, fall, False, config)
        return metrics, jnp.clip(found, 0, 1)

    return Stage(loss, evaluate, config.validation.qualities, *_parted(config, everything))


def _interpolator(config: TrainConfig, model: Kbvc) -> Stage:
    assert model.interpolator is not None  # config.check has seen to it
    skeleton, own = split(model.interpolator)
    measure = config.loss.interpolation

    def interpolator(values: Parameters):
        return skeleton.model({name: values[INTERPOLATOR + name] for name in own})

    def loss(values, frames, key, rate_weight):
        return interpolation_loss(interpolator(values), frames, measure)[:2]

    def evaluate(values, frames, quality):
        _, metrics, found = interpolation_loss(interpolator(values), frames, measure)
        return metrics, jnp.clip(found, 0, 1)

    trainable = {INTERPOLATOR + name: value for name, value in own.items()}
    return Stage(loss, evaluate, (0.0,), trainable, {})
