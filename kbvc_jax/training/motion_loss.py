"""What sent motion learns from: every triplet of a group's hierarchy, its sides about as coded.

The error of the blend, a little of that of either side, and the bits of the motion. What detail a
coded side has lost no motion brings back: of sides as they are filmed it would be told too finely.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.motion.codec import MotionCodec
from kbvc_jax.models.codecs.motion.estimation import CELL, cells
from kbvc_jax.models.codecs.motion.fine.codec import FineCodec
from kbvc_jax.models.codecs.motion.network import Moved
from kbvc_jax.models.codecs.walk import Estimate, walk_first
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.rate_control import lambda_of, step_octaves
from kbvc_jax.rate import MAX_QUALITY
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.group import b_frames_of
from kbvc_jax.training.loss import Metrics, balance, psnr

SIDES = 0.2  # of the error, that of the sides by themselves
HIGHER = 12.0  # quality of a B-frame's sides, on average, above its own
DEAD = 0.7  # of a quantiser's step: what is smaller is not coded
# Rows: grey, and two differences of colours.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])


def motion_loss(
    model: Kbvc,
    frames: Float[Array, "t h w 3"],
    observed: Sequence[Float[Array, "_ 2 mh mw 2"]] | None,
    quality: Float[Array, ""],
    key: PRNGKeyArray | None,
    rate_weight: Float[Array, ""] | float,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics, Moved]:
    """The loss of one group of true frames, its metrics, and what is moved where."""
    triplets, size = b_frames_of(len(frames)), Size(*frames.shape[1:3])
    previous, middle, following = (
        frames[jnp.array([getattr(triplet, name) for triplet in triplets])]
        for name in ("previous", "time", "following")
    )
    codec: Any = (FineCodec if config.model.fine else MotionCodec)(model, size)
    levels = jnp.clip(jnp.array([t.level for t in triplets]), 0, codec.levels.stop - 1)
    distances = jnp.array([t.distances for t in triplets])
    rate = Rate(jnp.full(len(middle), quality), levels, distances)
    theirs = lambda_of(jnp.minimum(rate.quality + HIGHER, MAX_QUALITY), config.model)
    sides = jnp.stack([about_as_coded(side, theirs) for side in (previous, following)])
    blank = codec.recalled(None, config.model, size)
    memory = jax.tree.map(lambda x: jnp.repeat(x, len(middle), 0), blank)
    context = codec.context([Decoded(side, memory) for side in sides], rate)
    found = jnp.concatenate(observed) if observed else None
    coder = Estimate(codec.analyse_first(middle, found, context, rate), key)
    moved = codec.moved(walk_first(codec, coder, context, rate).context)

    weight = lambda_of(rate.quality, config.model)
    price = error_price(moved.blend - middle, weight)
    both = jnp.mean(jnp.stack([error_price(side - middle, weight) for side in moved.sides]), 0)
    error = config.loss.blend * ((1 - SIDES) * price + SIDES * both)
    bpp = coder.total / middle[0, ..., 0].size
    own = balance(weight, config.model, config.loss)
    loss = jnp.mean((error + rate_weight * bpp) / own)
    metrics = {
        "loss": loss,
        "bpp": jnp.mean(bpp),
        "psnr": jnp.mean(psnr(moved.blend, middle)),
        "psnr_sides": jnp.mean(jnp.stack([psnr(side, middle) for side in moved.sides])),
    }
    return loss, metrics, moved


def error_price(error: Float[Array, "b h w 3"], weight: Float[Array, "b"]) -> Float[Array, "b"]:
    """Bits a pixel that an error costs a frame, by cells: as distortion while it is small; coded,
    where that is cheaper, as samples of its variance."""
    variance = cells(error**2).mean(-1)
    samples = 3 / 2 / math.log(2)
    shown = samples / (weight * 255**2)[:, None, None]  # error below which nothing is coded
    return jnp.mean(samples * jnp.log1p(variance / shown), (1, 2))


def about_as_coded(
    frame: Float[Array, "b h w 3"], weight: Float[Array, "b"]
) -> Float[Array, "b h w 3"]:
    """What is left of a frame after its cells' cosine transform is quantised, at this lambda."""
    place = np.arange(CELL)
    cosines = np.cos(np.pi * place[:, None] * (2 * place + 1) / (2 * CELL))
    cosines *= np.sqrt(np.where(place, 2, 1) / CELL)[:, None]
    batch, height, width, _ = frame.shape
    blocks = frame.reshape(batch, height // CELL, CELL, width // CELL, CELL, 3)
    parts = cosines, cosines, OPPONENT
    coefficients = jnp.einsum("byixjc,ki,lj,dc->byxkld", blocks, *parts)
    step = jnp.exp2(-step_octaves(weight))[:, None, None, None, None, None]
    symbols = jnp.trunc(coefficients / step + (1 - DEAD) * jnp.sign(coefficients))
    shown = jnp.einsum("byxkld,ki,lj,dc->byixjc", symbols * step, *parts)
    return shown.reshape(frame.shape)
