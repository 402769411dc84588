"""Selective temporal fusion: features of both references at three scales, moved, mixed by weights
of each position and channel.

reference --- features 1/2, 1/4, 1/8 --- moved --- fused across scales ---+
                                                                 weights --- context 1/2, 1/4, 1/8
reference --- ...                                                     ---+
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.motion.fine.blocks import (
    Block,
    Residual,
    Widened,
    halved,
    joined,
)
from kbvc_jax.models.config import FineConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth
from kbvc_jax.ops.warp import warp
from kbvc_jax.rate import MAX_QUALITY

Scales = Sequence[Float[Array, "b _ _ _"]]  # 1/2, 1/4, 1/8 of the frame
REFERRED = 3  # levels of references: I-frames, P-frames, inner B-frames


class Features(nnx.Module):
    """Of one reference: from the features that its codec left or, of any other, its picture."""

    def __init__(self, channels: Sequence[int], dtype: DTypeLike, rngs: nnx.Rngs):
        first, second, third = channels
        parts = {"dtype": dtype, "rngs": rngs}
        self.of_frame = Convolution(4 * 3, first, 3, gain=1.0, **parts)
        self.of_feature = Convolution(first, first, 1, gain=1.0, **parts)
        self.scale = nnx.Param(jnp.ones((REFERRED, first)))
        self.shift = nnx.Param(jnp.zeros((REFERRED, first)))
        self.refined = nnx.List([Residual(c, **parts) for c in channels])
        self.down = nnx.List(
            [Convolution(i, o, 3, stride=2, **parts) for i, o in ((first, second), (second, third))]
        )

    def __call__(
        self,
        frame: Float[Array, "b h w 3"],
        feature: Float[Array, "b h/2 w/2 c"],
        level: Int[Array, "b"],
    ) -> Scales:
        """`level` 0: a frame of another codec, whose feature counts for nothing."""
        own = level[:, None, None, None] > 0
        x = jnp.where(own, self.of_feature(feature), self.of_frame(space_to_depth(frame - 0.5, 2)))
        one_hot = jax.nn.one_hot(jnp.minimum(level, REFERRED - 1), REFERRED)
        scale, shift = (
            (one_hot @ p[...])[:, None, None].astype(x.dtype) for p in (self.scale, self.shift)
        )
        out = [self.refined[0](x * scale + shift)]
        for down, refined in zip(self.down, self.refined[1:], strict=True):
            out.append(refined(down(out[-1])))
        return out


class AcrossScales(nnx.Module):
    """Moved features of one reference, each scale told by the coarser; added to them."""

    def __init__(self, channels: Sequence[int], dtype: DTypeLike, rngs: nnx.Rngs):
        a, b, c = channels
        parts = {"dtype": dtype, "rngs": rngs}
        self.up = nnx.List([Widened(c, b, 3, **parts), Widened(2 * b, a, 3, **parts)])
        self.refined = nnx.List([Residual(b, **parts), Residual(a, **parts)])
        self.out = nnx.List(
            [Convolution(i, o, 3, gain=0.1, **parts) for i, o in ((2 * a, a), (2 * b, b), (c, c))]
        )

    def __call__(self, moved: Scales) -> Scales:
        fine, middle, coarse = moved
        told = joined(self.refined[0](self.up[0](coarse)), middle)
        finest = joined(self.refined[1](self.up[1](told)), fine)
        seen = finest, told, coarse
        return [x + out(s) for x, out, s in zip(moved, self.out, seen, strict=True)]


class Selection(nnx.Module):
    """Two contexts of one scale to one. Forms: convex, w f + (1 - w) b + k; independent, (1 + w) f
    + (1 + v) b + k; half, w = 1/2; joined, no weights at all."""

    SEEN = 3 + 3 + 3 + 4  # moved frames, their difference; level, quality, distances

    def __init__(self, channels: int, form: str, dtype: DTypeLike, rngs: nnx.Rngs):
        c, parts = channels, {"dtype": dtype, "rngs": rngs}
        self.form, self.told = form, {"convex": 2, "independent": 3, "half": 1, "joined": 1}[form]
        self.first = Convolution(2 * c + self.SEEN, c, 1, **parts)
        self.block = Block(c, c, **parts)
        self.last = Convolution(c, self.told * c, 3, gain=0.1, **parts)
        self.after = Block(c, c, **parts)

    def __call__(
        self,
        before: Float[Array, "b h w c"],
        after: Float[Array, "b h w c"],
        seen: Float[Array, "b h w s"],
    ) -> Float[Array, "b h w c"]:
        x = self.last(self.block(self.first(joined(before, after, seen))))
        told = jnp.split(x, self.told, -1)
        mixed = told[-1]
        if self.form == "convex":
            weight = jax.nn.sigmoid(told[0].astype(jnp.float32)).astype(before.dtype)
            mixed += weight * before + (1 - weight) * after
        elif self.form == "independent":
            mixed += (1 + told[0]) * before + (1 + told[1]) * after
        elif self.form == "half":
            mixed += 0.5 * (before + after)
        return self.after(mixed)


class Fused(NamedTuple):
    contexts: Scales
    blend: Float[Array, "b h w 3"]
    share: Float[Array, "b h w 1"]  # of the reference before
    moved: tuple[Float[Array, "b h w 3"], Float[Array, "b h w 3"]]


class Contexts(nnx.Module):
    def __init__(self, own: FineConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        channels, parts = own.context_channels, {"dtype": dtype, "rngs": rngs}
        self.features = Features(channels, **parts)
        self.across = AcrossScales(channels, **parts)
        self.selections = nnx.List([Selection(c, own.selection, **parts) for c in channels])
        self.blend = Convolution(channels[0], 4, 3, gain=0.1, **parts)

    def __call__(
        self,
        sides: Float[Array, "2 b h w 3"],
        features: Sequence[Scales],
        flows: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]],
        rate: Rate,
    ) -> Fused:
        moved = [warp(side, flow) for side, flow in zip(sides, flows, strict=True)]
        contexts = [
            self.across(_moved(own, flow)) for own, flow in zip(features, flows, strict=True)
        ]
        apart = joined(*moved, jnp.abs(moved[0] - moved[1]))
        out = []
        pairs = zip(self.selections, *contexts, strict=True)
        for scale, (selection, before, after) in enumerate(pairs, start=1):
            seen = halved(apart, scale)
            planes = jnp.broadcast_to(_known(rate)[:, None, None], (*seen.shape[:3], 4))
            out.append(selection(before, after, joined(seen, planes)))
        share = jax.nn.sigmoid(depth_to_space(self.blend(out[0])).astype(jnp.float32))
        blend = share * moved[0] + (1 - share) * moved[1]
        return Fused(out, blend, share, (moved[0], moved[1]))


def _moved(features: Scales, flow: Float[Array, "b h w 2"]) -> Scales:
    return [
        warp(x.astype(jnp.float32), halved(flow, scale) / 2**scale)
        for scale, x in enumerate(features, start=1)
    ]


def _known(rate: Rate) -> Float[Array, "b 4"]:
    """What a stream says of a frame, about 1 at most."""
    assert rate.distances is not None
    distances = jnp.log2(1 + rate.distances.astype(jnp.float32)) / 4
    own = jnp.stack([rate.level / 2, rate.quality / MAX_QUALITY], -1)
    return jnp.concatenate([own, distances], -1)
