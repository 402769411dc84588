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
from kbvc_jax.training.interpolator_loss import interpolation_loss
from kbvc_jax.training.loss import (
    Metrics,
    code_group,
    distortion,
    draw_quality,
    falling,
    rate,
    rate_distortion,
)
from kbvc_jax.training.motion_loss import motion_loss
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
    special = {"interpolator": _interpolator, "motion": _motion}
    return special.get(config.stage, _codec)(config, model)


def _parted(config: TrainConfig, everything: Parameters) -> tuple[Parameters, Parameters]:
    """What the stage trains, and what stands still."""
    trainable = {name: v for name, v in everything.items() if trained_in(config.stage, name)}
    return trainable, {name: v for name, v in everything.items() if name not in trainable}


def _codec(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    objective = {"hyperprior": rate, "fusion": distortion}.get(config.stage, rate_distortion)
    b_frames = config.b_frames or config.model.b_frames
    rounding = "rate" if config.model.gains else "nearest"  # as files have it
    exactly = config.stage == "fusion"  # what is trained does not change symbols

    def loss(values, frames, key, rate_weight):
        quality_key, noise_key, alone_key = jax.random.split(key, 3)
        quality = draw_quality(quality_key, len(frames), config.loss)
        coded = code_group(
            skeleton.model(values),
            frames,
            quality,
            None if exactly else noise_key,
            b_frames=b_frames,
            rounding=rounding,
            alone=exactly and jax.random.bernoulli(alone_key, config.loss.alone),
            remat=config.remat,
        )
        return objective(coded, frames, quality, rate_weight, config)

    def evaluate(values, frames, quality):
        quality = falling(quality, sum(config.loss.fall) / 2, len(frames))
        model = skeleton.model(values)
        coded = code_group(model, frames, quality, b_frames=b_frames, rounding=rounding)
        _, metrics = objective(coded, frames, quality, 1.0, config)
        return metrics, jnp.clip(coded.frames, 0, 1)

    qualities = config.validation.qualities if config.model.gains else (0.0,)
    return Stage(loss, evaluate, qualities, *_parted(config, everything))


def _motion(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    low, high = config.loss.quality

    def loss(values, frames, key, rate_weight):
        quality_key, noise_key = jax.random.split(key)
        quality = jax.random.uniform(quality_key, minval=low, maxval=high)
        return motion_loss(skeleton.model(values), frames, quality, noise_key, rate_weight, config)[
            :2
        ]

    def evaluate(values, frames, quality):
        model = skeleton.model(values)
        _, metrics, blend = motion_loss(model, frames, quality, None, 1.0, config)
        return metrics, blend

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
