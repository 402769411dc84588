"""What FlowNet learns from, without labels: a frame, and its sides moved to where it has them.

Charbonnier + census over 7x7 + smoothness but at edges, of every triplet of a group's hierarchy.
What lies outside a side counts for nothing and, once the ramp is over, what it does not show: where
the flow there and the flow back disagree.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from kbvc_jax.models.codecs.motion.fine.flow import FlowNetwork
from kbvc_jax.models.codecs.motion.network import Moved
from kbvc_jax.ops.warp import warp
from kbvc_jax.training.group import b_frames_of
from kbvc_jax.training.interpolator_loss import census, charbonnier
from kbvc_jax.training.loss import Metrics, psnr

SMOOTHNESS = 0.1  # of a pixel's change of motion from one pixel to the next
EDGE = 10.0
DISAGREEMENT = 0.01, 0.5  # of both flows' squares, and of a pixel


def flow_loss(
    network: FlowNetwork, frames: Float[Array, "t h w 3"], ramp: Float[Array, ""] | float = 1.0
) -> tuple[Float[Array, ""], Metrics, Moved]:
    """The loss of one group of true frames, its metrics, and what is moved where."""
    previous, middle, following = (
        frames[jnp.array([getattr(triplet, name) for triplet in b_frames_of(len(frames))])]
        for name in ("previous", "time", "following")
    )
    frame, side = jnp.concatenate([middle, middle]), jnp.concatenate([previous, following])
    there, back = network(frame, side), network(side, frame)
    shown = inside(there) & ((ramp < 1) | agreed(there, back))
    moved = warp(side, there)
    seen = jnp.where(shown[..., None], moved, frame)
    seen_grey, grey = (x.mean(-1, keepdims=True) for x in (seen, frame))
    relations = census(seen_grey, grey, 7)
    loss = charbonnier(seen - frame) + relations + SMOOTHNESS * roughness(there, frame)
    flows, sides = (x.reshape(2, -1, *x.shape[1:]) for x in (there, moved))
    blend = sides.mean(0)
    metrics = {
        "loss": loss,
        "psnr": jnp.mean(psnr(blend, middle)),
        "psnr_sides": jnp.mean(psnr(moved, frame)),
        "shown": jnp.mean(shown),
    }
    share = jnp.full((*blend.shape[:3], 1), 0.5)
    return loss, metrics, Moved(sides, blend, flows, share)


def inside(flow: Float[Array, "b h w 2"]) -> Bool[Array, "b h w"]:
    _, height, width, _ = flow.shape
    x = jnp.arange(width) + flow[..., 0]
    y = jnp.arange(height)[:, None] + flow[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def agreed(there: Float[Array, "b h w 2"], back: Float[Array, "b h w 2"]) -> Bool[Array, "b h w"]:
    """Where the way there and back ends about where it began."""
    returned = warp(back, there)
    off, length = (
        (x**2).sum(-1) for x in (there + returned, jnp.concatenate([there, returned], -1))
    )
    share, least = DISAGREEMENT
    return off < share * length + least


def roughness(flow: Float[Array, "b h w 2"], frame: Float[Array, "b h w 3"]) -> Float[Array, ""]:
    total = jnp.zeros(())
    for axis in (1, 2):
        change = jnp.abs(jnp.diff(flow, axis=axis)).mean(-1)
        edge = jnp.abs(jnp.diff(frame, axis=axis)).mean(-1)
        total += jnp.mean(change * jnp.exp(-EDGE * edge))
    return total
