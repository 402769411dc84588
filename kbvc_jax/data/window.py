"""Which frames and which part of them a clip is: the choice is a function of uniform numbers.

Every function takes NumPy arrays on the host and JAX arrays inside jit alike.
"""

import math
from typing import Any, NamedTuple

from jaxtyping import Float, Int

from kbvc_jax.data.config import DataConfig

TIME_UNIFORMS, REGION_UNIFORMS = 3, 6


class Region(NamedTuple):
    """The part of the picture that becomes the crop, in the source's pixels."""

    top: Int[Any, ""]
    left: Int[Any, ""]
    scale: Float[Any, ""]  # crop pixels a source pixel
    mirror: Any  # bool
    turn: Any  # bool, upside down


def draw_times(uniforms: Float[Any, "3"], length, config: DataConfig) -> Int[Any, "T"]:
    """Frame numbers within a clip of `length` >= config.frames; the stride shrinks to fit."""
    xp = uniforms.__array_namespace__()
    gaps = config.frames - 1
    low, high = (xp.minimum(s, (length - 1) // max(1, gaps)) for s in config.stride)
    stride = low + _below(xp, uniforms[0], high - low + 1)
    first = _below(xp, uniforms[1], length - gaps * stride)
    times = first + stride * xp.arange(config.frames, dtype=xp.int32)
    return xp.where(config.reverse & (uniforms[2] < 0.5), times[::-1], times)


def draw_region(uniforms: Float[Any, "6"], height, width, config: DataConfig) -> Region:
    """Needs a picture no smaller than the crop."""
    xp = uniforms.__array_namespace__()
    least = max(config.crop[0] / height, config.crop[1] / width)
    low, high = (max(least, scale) for scale in config.scale)
    scaled = low * xp.exp(uniforms[1] * math.log(high / low))
    scale = xp.where(uniforms[0] < config.scaled, scaled, xp.ones_like(scaled))
    top, left = (
        # The float32 quotient may exceed the picture by a rounding error.
        _below(xp, u, xp.maximum(0, size - xp.ceil(crop / scale - 1e-3)) + 1)
        for u, size, crop in zip(uniforms[2:4], (height, width), config.crop, strict=True)
    )
    mirror, turn = (config.flip & (u < 0.5) for u in uniforms[4:6])
    return Region(top, left, scale, mirror, turn)


def region_size(height: int, width: int, config: DataConfig) -> tuple[int, int]:
    """The largest part of a picture that any draw turns into a crop."""
    least = min(1.0, config.scale[0]) if config.scaled else 1.0
    rows, columns = (math.ceil(size / least) for size in config.crop)
    return min(rows, height), min(columns, width)


def _below(xp, uniform, limit):
    """A whole number in [0, limit), from a uniform one in [0, 1)."""
    return xp.minimum(xp.floor(uniform * limit), limit - 1).astype(xp.int32)
