"""Equation 2 over one group of pictures, coded as the codec codes it: I0 B2 B1 B2 I0.

    I-frames (one batch) --- depth 1 of the hierarchy --- depth 2 (one batch) --- ...

Every reference is a reconstruction, and gradients flow through all of them. Functions see a single
group: the caller maps them over a batch, each group with its own qualities and its own key.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8

from kbvc_jax.codec.schedule import BFrame, fall_shares, hierarchy
from kbvc_jax.models.codecs.contract import Decoded, FrameCodec, Size, Values
from kbvc_jax.models.codecs.walk import Estimated, estimate
from kbvc_jax.models.config import ModelConfig, Rounding
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.rate import LEVEL_LAMBDAS
from kbvc_jax.training.config import LossConfig, TrainConfig

LEVEL_NAMES = ("I", "B1", "B2")
Metrics = dict[str, Any]
Observe = Callable[[FrameCodec, Values, Rate], None]


class CodedGroup(NamedTuple):
    """Per frame, in display order."""

    frames: Float[Array, "t h w 3"]  # as the decoder's arithmetic left them, not clipped
    bits_y: Float[Array, "t"]  # of each codec's last latent
    bits_z: Float[Array, "t"]  # of all before


def levels_of(frames: int) -> tuple[int, ...]:
    """The level of each frame of a group."""
    levels = {frame.time: frame.level for depth in hierarchy(frames - 1) for frame in depth}
    return tuple(levels.get(time, 0) for time in range(frames))


def b_frames_of(frames: int) -> list[BFrame]:
    """Of a group, in coding order."""
    return [frame for depth in hierarchy(frames - 1) for frame in depth]


def with_observed(codec: type[FrameCodec], frames: UInt8[np.ndarray, "b t h w 3"]) -> Any:
    """And what the codec finds out on the host of each B-frame, if anything, by source frames."""
    rows = b_frames_of(frames.shape[1])

    def side(group: UInt8[np.ndarray, "t h w 3"], name: str) -> UInt8[np.ndarray, "n h w 3"]:
        return np.stack([group[getattr(row, name)] for row in rows])

    found = [
        codec.observe(side(group, "time"), [side(group, "previous"), side(group, "following")])
        for group in frames
        if rows
    ]
    return (frames, np.stack(found)) if found and found[0] is not None else frames


def parts_of(group: Any) -> tuple[Any, Any]:
    """Frames, and what is known of them besides."""
    return group if isinstance(group, tuple) else (group, None)


def code_group(
    model: Kbvc,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    key: PRNGKeyArray | None = None,
    *,
    b_frames: str | None = None,
    observed: Float[Array, "n ..."] | None = None,
    rounding: Rounding = "nearest",
    alone: Bool[Array, ""] | bool = False,
    remat: bool = False,
    observe: Observe | None = None,
) -> CodedGroup:
    """With a key: bits under noise, for training. Without: symbols and references as in a file.

    `b_frames`: their codec, the model's own if None; `observed`: see `with_observed`; `alone`: each
    is coded from its previous reference only. `observe` sees each batch as it is coded."""
    last, size = len(frames) - 1, Size(*frames.shape[1:3])
    images, between = (model.codec(n, size) for n in ("image", b_frames or model.config.b_frames))
    coded: dict[int, tuple[Array, Array, Array]] = {}
    decoded: dict[int, Decoded] = {}  # batches of one

    order = [frame.time for frame in b_frames_of(len(frames))]

    def code(codec: FrameCodec, depth: int, times: Sequence[int], rate: Rate, *sides: Decoded):
        own = None
        if observed is not None and depth:
            own = observed[jnp.array([order.index(time) for time in times])]
        depth_key = None if key is None else jax.random.fold_in(key, depth)

        def batch(source: Array, sides: Sequence[Decoded]) -> Estimated:
            return estimate(codec, source, sides, rate, depth_key, observed=own, rounding=rounding)

        source = frames[jnp.array(times)]
        shown, known, bits = (jax.checkpoint(batch) if remat else batch)(source, sides)
        if observe:
            observe(codec, known, rate)
        *before, bits_y = (bits[latent.name] for latent in codec.latents)
        bits_z = sum(before, jnp.zeros(len(times)))
        seen = Decoded(displayed(shown.frame, rounded=key is None), shown.memory)
        for row, time in enumerate(times):
            coded[time] = shown.frame[row], bits_y[row], bits_z[row]
            decoded[time] = jax.tree.map(lambda part, row=row: part[row : row + 1], seen)

    def side(times: Sequence[int]) -> Decoded:
        seen = [decoded[time] for time in times]
        if not between.needs_memory:
            seen = [Decoded(reference.frame, None) for reference in seen]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *seen)

    code(images, 0, [0, last], Rate(quality[jnp.array([0, last])], jnp.zeros(2, jnp.int32)))
    for number, depth in enumerate(hierarchy(last), start=1):
        times, told_apart = [f.time for f in depth], between.levels
        levels = jnp.array([f.level for f in depth])
        levels = jnp.clip(levels, told_apart.start, told_apart.stop - 1)
        before, after = side([f.previous for f in depth]), side([f.following for f in depth])
        after = jax.tree.map(lambda a, b: jnp.where(alone, b, a), after, before)
        code(between, number, times, Rate(quality[jnp.array(times)], levels), before, after)
    in_order = [coded[time] for time in range(len(frames))]
    return CodedGroup(*(jnp.stack(part) for part in zip(*in_order, strict=True)))


def displayed(frame: Float[Array, "*t h w 3"], *, rounded: bool) -> Float[Array, "*t h w 3"]:
    frame = jnp.clip(frame, 0, 1)
    return jnp.round(frame * 255) / 255 if rounded else frame


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
    levels = levels_of(len(frames))
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
    levels = levels_of(len(frames))[1:-1]
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
    factors = jnp.array([LEVEL_LAMBDAS[level] for level in levels])
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
    levels = levels_of(len(frames))
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
