"""Equation 2 over a coded group (group.py), and what qualities its frames are drawn."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.codec.schedule import fall_shares, hierarchy
from kbvc_jax.models.codecs.numbers import ONE_SIDED
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.rate import LEVEL_LAMBDAS
from kbvc_jax.training.config import LossConfig, TrainConfig
from kbvc_jax.training.group import CodedGroup, displayed

LEVEL_NAMES = ("I", "B1", "B2", "P")
P_FRAME = LEVEL_NAMES.index("P")
FACTORS = (*LEVEL_LAMBDAS, 1.0)  # of lambda: the paper has no P-frames
Metrics = dict[str, Any]


def levels_of(frames: int, config: TrainConfig) -> tuple[int, ...]:
    """The level of each frame of a group."""
    if config.inter_codec in ONE_SIDED:
        return (0, *[P_FRAME] * (frames - 1))
    levels = {frame.time: frame.level for depth in hierarchy(frames - 1) for frame in depth}
    levels[frames - 1] = P_FRAME if config.p_frames else 0
    return tuple(levels.get(time, 0) for time in range(frames))


def draw_quality(key: PRNGKeyArray, frames: int, config: LossConfig) -> Float[Array, "t"]:
    """Of a group's frames, in display order."""
    quality_key, fall_key = jax.random.split(key)
    (low, high), (least, most) = config.quality, config.fall
    quality = jax.random.uniform(quality_key, minval=low, maxval=high)
    return falling(quality, jax.random.uniform(fall_key, minval=least, maxval=most), frames)


def falling(
    quality: Float[Array, ""], fall: Float[Array, ""] | float, frames: int
) -> Float[Array, "t"]:
    """The quality of each frame where B-frames are coded as the encoder codes them."""
    shares = {0: 0.0, frames - 1: 0.0}
    for depth, share in zip(hierarchy(frames - 1), fall_shares(frames - 1), strict=True):
        shares |= {frame.time: float(share) for frame in depth}
    return jnp.maximum(0, quality - fall * jnp.array([shares[time] for time in range(frames)]))


def balance(
    weight: Float[Array, "t"], model: ModelConfig, config: LossConfig
) -> Float[Array, "t"] | float:
    """What a frame's loss is divided by: see LossConfig.balance."""
    if model.fixed_lambda is not None:
        return 1.0
    middle = math.sqrt(model.lambda_min * model.lambda_max)
    return (weight / middle) ** config.balance


def rate_distortion(
    coded: CodedGroup,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    rate_weight: Float[Array, ""] | float,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics]:
    """The mean over frames of lambda_f * 255^2 * MSE_f + bits a pixel, balanced over qualities."""
    rate_loss, metrics = rate(coded, frames, quality, rate_weight, config)
    levels = levels_of(len(frames), config)
    loss = jnp.mean(_errors(coded, frames, quality, levels, config)) + rate_loss
    quality_of = psnr(coded.frames, frames)
    by_level = _by_level("psnr", quality_of, levels)
    return loss, metrics | {"loss": loss, "psnr": jnp.mean(quality_of)} | by_level


def distortion(
    coded: CodedGroup,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    rate_weight: Float[Array, ""] | float,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics]:
    """The same of the frames between, where neither rate nor the I-frames can change."""
    between = CodedGroup(*(part[1:-1] for part in coded))
    levels = levels_of(len(frames), config)[1:-1]
    loss = jnp.mean(_errors(between, frames[1:-1], quality[1:-1], levels, config))
    found = psnr(between.frames, frames[1:-1])
    return loss, {"loss": loss, "psnr": jnp.mean(found)} | _by_level("psnr", found, levels)


def _errors(
    coded: CodedGroup,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    levels: Sequence[int],
    config: TrainConfig,
) -> Float[Array, "t"]:
    """Lambda_f * 255^2 * MSE_f, balanced."""
    weight = lambda_of(quality, config.model)
    factors = jnp.array([FACTORS[level] for level in levels])
    mse = jnp.mean((coded.frames - frames) ** 2, (1, 2, 3))
    return weight * factors * 255**2 * mse / balance(weight, config.model, config.loss)


def rate(
    coded: CodedGroup,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    rate_weight: Float[Array, ""] | float,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics]:
    """The same where distortion cannot change: pictures that nothing refers to are never made."""
    levels = levels_of(len(frames), config)
    pixels = frames.shape[1] * frames.shape[2]
    bpp_y, bpp_z = coded.bits_y / pixels, coded.bits_z / pixels
    bpp = bpp_y + bpp_z
    balanced = bpp / balance(lambda_of(quality, config.model), config.model, config.loss)
    loss = rate_weight * jnp.mean(balanced)
    by_level = _by_level("bpp_y", bpp_y, levels) | _by_level("bpp_z", bpp_z, levels)
    return loss, {"loss": loss, "bpp": jnp.mean(bpp)} | by_level


def psnr(coded: Float[Array, "t h w 3"], frames: Float[Array, "t h w 3"]) -> Float[Array, "t"]:
    """Of the frames as they are shown: clipped, on the 8-bit grid."""
    mse = jnp.mean((displayed(coded, rounded=True) - frames) ** 2, (1, 2, 3))
    return -10 * jnp.log10(jnp.maximum(mse, 1e-10))


def _by_level(name: str, values: Float[Array, "t"], levels: Sequence[int]) -> Metrics:
    rows = {level: [t for t, own in enumerate(levels) if own == level] for level in set(levels)}
    return {
        f"{name}/{LEVEL_NAMES[level]}": jnp.mean(values[jnp.array(times)])
        for level, times in sorted(rows.items())
    }
