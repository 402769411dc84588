"""The things that one trains: what each minimises, and how it is validated.

A stage's functions take all parameters that it holds, as one flat dict.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from kbvc_jax.models.codecs.motion.pictures import motion_pictures
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.parameters import Parameters, split
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.flow_loss import flow_loss
from kbvc_jax.training.group import code_group, depths_of, frames_and_observed, with_observed
from kbvc_jax.training.interpolator_loss import interpolation_loss
from kbvc_jax.training.loss import Metrics, distortion, draw_quality, falling, rate, rate_distortion
from kbvc_jax.training.motion_loss import motion_loss
from kbvc_jax.training.parameters import INTERPOLATOR, trained_in
from kbvc_jax.training.sample import Found, Watcher, found, middle
from kbvc_jax.training.step import GroupLoss


class Stage(NamedTuple):
    loss: GroupLoss
    # (parameters, one group's frames, quality) -> metrics, what is found
    evaluate: Callable[[Parameters, Array, Array], tuple[Metrics, Found]]
    qualities: tuple[float, ...]  # the ladder of a validation
    trainable: Parameters
    frozen: Parameters
    # On the host: a batch's frames to what both functions see of them.
    prepare: Callable[[UInt8[np.ndarray, "b t h w 3"]], Any] = lambda frames: frames


def build_stage(config: TrainConfig, model: Kbvc) -> Stage:
    special = {"interpolator": _interpolator, "flow": _flow, "motion": _motion}
    return special.get(config.stage, _codec)(config, model)


def _parted(config: TrainConfig, everything: Parameters) -> tuple[Parameters, Parameters]:
    """What the stage trains, and what stands still."""
    trainable = {name: v for name, v in everything.items() if trained_in(config.stage, name)}
    return trainable, {name: v for name, v in everything.items() if name not in trainable}


def _codec(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    objective = {"hyperprior": rate, "fusion": distortion}.get(config.stage, rate_distortion)
    b_frames = config.inter_codec

    def depths(frames: int):
        return depths_of(frames, b_frames, config.p_frames)

    rounding = "rate" if config.model.gains else "nearest"  # as files have it
    exactly = config.stage == "fusion"  # what is trained does not change symbols

    def loss(values, group, key, rate_weight):
        frames, observed = frames_and_observed(group)
        quality_key, noise_key, alone_key = jax.random.split(key, 3)
        quality = draw_quality(quality_key, len(frames), config.loss)
        coded = code_group(
            skeleton.model(values),
            frames,
            quality,
            None if exactly else noise_key,
            b_frames=b_frames,
            p_frames=config.p_frames,
            observed=observed,
            rounding=rounding,
            alone=exactly and jax.random.bernoulli(alone_key, config.loss.alone),
            remat=config.remat,
        )
        return objective(coded, frames, quality, rate_weight, config)

    def evaluate(values, group, quality):
        frames, observed = frames_and_observed(group)
        quality = falling(quality, sum(config.loss.fall) / 2, len(frames))
        model = skeleton.model(values)
        how = {"b_frames": b_frames, "p_frames": config.p_frames, "rounding": rounding}
        watcher, coded_first = Watcher(), depths(len(frames))[1:2]
        time = coded_first[0].times[0] if coded_first else 0
        coded = code_group(model, frames, quality, **how, observed=observed, note=watcher)
        _, metrics = objective(coded, frames, quality, 1.0, config)
        shown = jnp.clip(coded.frames, 0, 1)
        return metrics, found(shown, frames[time], shown[time], watcher.pictures)

    qualities = config.validation.qualities if config.model.gains else (0.0,)

    def prepare(frames):
        return with_observed(depths(frames.shape[1]), frames)

    return Stage(loss, evaluate, qualities, *_parted(config, everything), prepare)


def _motion(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)
    low, high = config.loss.quality

    def loss(values, group, key, rate_weight):
        quality_key, noise_key = jax.random.split(key)
        quality = jax.random.uniform(quality_key, minval=low, maxval=high)
        model = skeleton.model(values)
        seen = frames_and_observed(group)
        return motion_loss(model, *seen, quality, noise_key, rate_weight, config)[:2]

    def evaluate(values, group, quality):
        model = skeleton.model(values)
        seen = frames_and_observed(group)
        _, metrics, moved = motion_loss(model, *seen, quality, None, 1.0, config)
        source, blend = seen[0][middle(len(seen[0]))], moved.blend
        pictures = motion_pictures(moved.flows, moved.sides, blend, moved.share)
        return metrics, found(blend, source, blend[0], pictures)

    parts = _parted(config, everything)
    sent = "fine" if config.model.fine else "motion"

    def prepare(frames):
        return with_observed(depths_of(frames.shape[1], sent), frames)

    return Stage(loss, evaluate, config.validation.qualities, *parts, prepare)


def _flow(config: TrainConfig, model: Kbvc) -> Stage:
    skeleton, everything = split(model)

    def flow(values: Parameters):
        return skeleton.model(values).flow

    def loss(values, frames, key, rate_weight):
        return flow_loss(flow(values), frames, rate_weight)[:2]

    def evaluate(values, frames, quality):
        _, metrics, moved = flow_loss(flow(values), frames)
        pictures = motion_pictures(moved.flows, moved.sides, moved.blend)
        source = frames[middle(len(frames))]
        return metrics, found(moved.blend, source, moved.blend[0], pictures)

    return Stage(loss, evaluate, (0.0,), *_parted(config, everything))


def _interpolator(config: TrainConfig, model: Kbvc) -> Stage:
    assert model.interpolator is not None  # config.check has seen to it
    skeleton, own = split(model.interpolator)
    measure = config.loss.interpolation

    def interpolator(values: Parameters):
        return skeleton.model({name: values[INTERPOLATOR + name] for name in own})

    def loss(values, frames, key, rate_weight):
        return interpolation_loss(interpolator(values), frames, measure)[:2]

    def evaluate(values, frames, quality):
        _, metrics, between = interpolation_loss(interpolator(values), frames, measure)
        between, source = jnp.clip(between, 0, 1), frames[middle(len(frames))]
        return metrics, found(between, source, between[0], {})

    trainable = {INTERPOLATOR + name: value for name, value in own.items()}
    return Stage(loss, evaluate, (0.0,), trainable, {})
