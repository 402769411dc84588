"""Fusion: a predicted frame, once decoded, finds its own content in its references and takes detail
from there.

decoded ----------+--- align --- warped references ---+
                  |                                   |
                  +----- network: shares, residual ---+--- frame

So it needs be coded no better than its motion takes to be found, and none of that is sent.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.panels import Difference, Image, Panel
from kbvc_jax.models.layers import Convolution, rectify
from kbvc_jax.ops.additions import add_up, spread
from kbvc_jax.ops.alignment import align
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth
from kbvc_jax.ops.warp import warp
from kbvc_jax.ops.windows import window_mean
from kbvc_jax.rate import MAX_QUALITY

SIDES = 2  # references
OUTPUTS = SIDES + 3  # of a pixel: a share of what each reference has, and what none has
SHARE = 0.3  # at first
MOST = 0.25  # of what none has
# Where windows of this reach differ by as much as DOUBT, on average, a reference is half believed.
REACH, DOUBT = 3, 1 / 12
# Where they differ by less than this no more is added: what stands still must not drift.
STILL = 2 / 255
# What the network sees saturates: differences and those of windows, times these.
DIFFERENCE_GAIN, DOUBT_GAIN = 6.0, 10.0


class Fusion(nnx.Module):
    """All at half the resolution, in blocks of 2x2 pixels."""

    def __init__(self, channels: int, dtype: DTypeLike, rngs: nnx.Rngs):
        inputs = 3 + (3 + 1) * SIDES + 1  # of a pixel
        self.first = Convolution(4 * inputs, channels, 3, dtype=dtype, rngs=rngs)
        self.inner = nnx.List(
            [Convolution(channels, channels, 3, gain=0.5, dtype=dtype, rngs=rngs) for _ in range(2)]
        )
        self.last = Convolution(channels, 4 * OUTPUTS, 3, gain=0.01, dtype=dtype, rngs=rngs)
        start = jnp.zeros(OUTPUTS).at[:SIDES].set(SHARE)
        self.last.bias[...] = jnp.tile(start, 4)

    def __call__(
        self,
        decoded: Float[Array, "b h w 3"],
        aligned: Float[Array, "s b h w 3"],
        quality: Float[Array, "b"],
    ) -> Float[Array, "b h w 3"]:
        missing = aligned - decoded
        differs = add_up(jnp.abs(missing), -1) / 3
        doubt = window_mean(differs.reshape(-1, *differs.shape[2:]), REACH).reshape(differs.shape)
        known = jnp.broadcast_to((quality / MAX_QUALITY)[:, None, None], doubt[0].shape)
        told = [jnp.tanh(DIFFERENCE_GAIN * m) for m in missing]
        told += [jnp.tanh(DOUBT_GAIN * d)[..., None] for d in doubt]
        seen = jnp.concatenate([decoded - 0.5, *told, known[..., None]], -1)
        x = rectify(self.first(space_to_depth(seen, 2)))
        for layer in self.inner:
            x += rectify(layer(x))
        out = depth_to_space(self.last(x), 2).astype(jnp.float32)
        fused = decoded
        for side, (m, d) in enumerate(zip(missing, doubt, strict=True)):
            fused += spread(out[..., side] / (1 + (d / DOUBT) ** 2), 3) * m
        moves = jnp.minimum(jnp.maximum(*doubt) / STILL, 1)
        return fused + spread(MOST * moves, 3) * jnp.tanh(out[..., SIDES:])


def aligned(
    decoded: Float[Array, "b h w 3"], references: Float[Array, "s b h w 3"]
) -> Float[Array, "2 b h w 3"]:
    """The references as they look where the decoded frame shows the same; one serves as both."""
    sides, batch = references.shape[:2]
    flat = references.reshape(sides * batch, *references.shape[2:])
    moved = moved_to(jnp.tile(decoded, (sides, 1, 1, 1)), flat).reshape(references.shape)
    return jnp.broadcast_to(moved, (SIDES, *moved.shape[1:]))


def moved_to(
    decoded: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"]
) -> Float[Array, "b h w 3"]:
    return warp(reference, jax.lax.stop_gradient(align(decoded, reference)))


def fusion_pictures(
    decoded: Float[Array, "b h w 3"], fused: Float[Array, "b h w 3"]
) -> dict[str, Panel]:
    return {"before fusion": Image(decoded), "what fusion adds": Difference(fused - decoded)}
