"""The interpolated reference: IFRNet-S (Kong et al. 2022), at the middle of two frames.

previous, following --- shared pyramid --- four decoders, coarse to fine: flows + features
                                                 |
        sigmoid(mask) * warp(previous) + (1 - sigmoid(mask)) * warp(following) + residual
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.config import InterpolatorConfig
from kbvc_jax.models.layers import Convolution, PReLU, TransposedConvolution
from kbvc_jax.ops.matching import match
from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import warp


class Activated(nnx.Module):
    """A 3x3 convolution and PReLU."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.convolution = Convolution(inputs, outputs, 3, stride=stride, dtype=dtype, rngs=rngs)
        self.activation = PReLU(outputs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b oh ow o"]:
        return self.activation(self.convolution(x))


class ResidualBlock(nnx.Module):
    """Five convolutions; the second and fourth see the last `side` channels alone."""

    def __init__(self, channels: int, side: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.side = side
        self.full = nnx.List(
            [Activated(channels, channels, dtype=dtype, rngs=rngs) for _ in range(2)]
        )
        self.partial = nnx.List([Activated(side, side, dtype=dtype, rngs=rngs) for _ in range(2)])
        self.last = Convolution(channels, channels, 3, gain=0.5, dtype=dtype, rngs=rngs)
        self.activation = PReLU(channels)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        out = x
        for full, partial in zip(self.full, self.partial, strict=True):
            out = full(out)
            refined = partial(out[..., -self.side :])
            out = jnp.concatenate([out[..., : -self.side], refined], -1)
        return self.activation(x + self.last(out))


class Decoder(nnx.Module):
    """One level: refines flows and features, and doubles the resolution."""

    def __init__(
        self, inputs: int, middle: int, outputs: int, side: int, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.first = Activated(inputs, middle, dtype=dtype, rngs=rngs)
        self.block = ResidualBlock(middle, side, dtype=dtype, rngs=rngs)
        # Flows start near zero, so that the first result is near the mean of both frames.
        self.last = TransposedConvolution(middle, outputs, 4, gain=0.1, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b 2*h 2*w o"]:
        return self.last(self.block(self.first(x))).astype(jnp.float32)


class Interpolation(NamedTuple):
    frame: Float[Array, "b h w 3"]
    features: tuple[Array, ...]  # predicted features of the middle frame, levels 1 to 3
    # Where the middle frame's pixels lie in both frames, about.
    motion: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]]


class Interpolator(nnx.Module):
    def __init__(self, config: InterpolatorConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        channels = config.channels
        self.dtype, self.matched = dtype, config.matched
        self.pyramid = nnx.List(
            [
                nnx.List(
                    [
                        Activated(i, o, stride=2, dtype=dtype, rngs=rngs),
                        Activated(o, o, dtype=dtype, rngs=rngs),
                    ]
                )
                for i, o in zip((3, *channels[:-1]), channels, strict=True)
            ]
        )
        # Fine to coarse. The coarsest sees both frames' features and the time; the others both
        # warped features, the coarser level's features and its two flows.
        decoders = []
        for level, c in enumerate(channels):
            coarsest = level == len(channels) - 1
            inputs = 2 * c + 1 if coarsest else 3 * c + 4
            outputs = 4 + (channels[level - 1] if level else 4)
            middle = 2 * c if coarsest else 3 * c
            side = config.side_channels
            decoders.append(Decoder(inputs, middle, outputs, side, dtype=dtype, rngs=rngs))
        self.decoders = nnx.List(decoders)

    def encode(self, frame: Float[Array, "b h w 3"]) -> list[Array]:
        """The feature pyramid, fine to coarse."""
        pyramid, x = [], frame
        for first, second in self.pyramid:
            x = second(first(x))
            pyramid.append(x)
        return pyramid

    def intermediate(
        self,
        previous: Float[Array, "b h w 3"],
        following: Float[Array, "b h w 3"],
        time: Float[Array, "b"] | float = 0.5,
    ) -> Interpolation:
        """At a time between 0 and 1. Sizes are multiples of 16. The frame is not clipped."""
        time = jnp.broadcast_to(time, len(previous))[:, None, None, None]
        start = jnp.zeros((*previous.shape[:3], 4))
        both = jnp.concatenate([previous, following])  # all the way: half the programs
        if self.matched:
            matched = 2 * match(previous, following)
            start = jnp.concatenate([time * matched, (time - 1) * matched], -1)
            both = jnp.concatenate(_warped(start, both))
        previous, following = jnp.split(both, 2)
        mean = 0.5 * (previous + following).mean((1, 2, 3), keepdims=True)
        both -= jnp.concatenate([mean, mean])
        *pyramid, coarsest = self.encode(both)

        seen = jnp.split(coarsest, 2)
        clock = jnp.broadcast_to(time.astype(coarsest.dtype), (*seen[0].shape[:3], 1))
        out = self.decoders[-1](jnp.concatenate([*seen, clock], -1))
        flows, features = out[..., :4], []
        for decoder, level in reversed(list(zip(self.decoders[:-1], pyramid, strict=True))):
            features.append(out[..., 4:])
            warped = _warped(flows, level.astype(jnp.float32))
            out = decoder(jnp.concatenate([features[-1], *warped, flows], -1))
            flows = out[..., :4] + 2 * upsample2(flows)

        mask = jax.nn.sigmoid(out[..., 4:5])
        first, second = _warped(flows, both)
        merged = mask * first + (1 - mask) * second
        towards, back = jnp.split(start + flows, 2, -1)
        frame = merged + mean + out[..., 5:]
        return Interpolation(frame, tuple(reversed(features)), (towards, back))

    def __call__(
        self, previous: Float[Array, "b h w 3"], following: Float[Array, "b h w 3"]
    ) -> Float[Array, "b h w 3"]:
        return jnp.clip(self.intermediate(previous, following).frame, 0, 1)


def _warped(flows: Float[Array, "b h w 4"], both: Float[Array, "2*b h w c"]) -> list[Array]:
    """The first half along the first two channels, the second along the others."""
    return jnp.split(warp(both, jnp.concatenate(jnp.split(flows, 2, -1))), 2)
