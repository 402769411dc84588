"""What sent motion learns from: every triplet of a group's hierarchy, its sides as they are filmed.

The error of the blend, a little of that of either side, and the bits of the motion.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.models.codecs.contract import Decoded, Latent, Size, Values
from kbvc_jax.models.codecs.motion.codec import MOTION, MOTION_Z, MotionCodec
from kbvc_jax.models.codecs.walk import Estimate, walk
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.group import b_frames_of
from kbvc_jax.training.loss import Metrics, balance, psnr

SIDES = 0.2  # of the error, that of the sides by themselves


class MotionAlone(MotionCodec):
    """Without the frame that it is sent for."""

    @property
    def latents(self) -> tuple[Latent, ...]:
        return super().latents[:2]

    def learn(self, latent: Latent, known: Values, context: Any, rate: Rate) -> Any:
        return context


def motion_loss(
    model: Kbvc,
    frames: Float[Array, "t h w 3"],
    observed: Float[Array, "n 2 mh mw 2"],
    quality: Float[Array, ""],
    key: PRNGKeyArray | None,
    rate_weight: Float[Array, ""] | float,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics, Float[Array, "b h w 3"]]:
    """The loss of one group of true frames, its metrics, and the blends."""
    previous, middle, following = (
        frames[jnp.array([getattr(triplet, name) for triplet in b_frames_of(len(frames))])]
        for name in ("previous", "time", "following")
    )
    codec = MotionAlone(model, Size(*frames.shape[1:3]))
    rate = Rate(jnp.full(len(middle), quality), jnp.zeros(len(middle), jnp.int32))
    sides = jnp.stack([previous, following])
    exact = codec.motion.analyse(middle, sides, observed, rate)
    exact = {MOTION_Z: codec.motion.hyperprior.hyper_latent(exact), MOTION: exact}
    coder = Estimate(exact, key)
    context = codec.context([Decoded(side, None) for side in sides], rate)
    known = walk(codec, coder, context, rate).known
    moved = codec.motion.synthesise(known[MOTION], context.sides, rate)

    weight = lambda_of(rate.quality, config.model)
    mse = jnp.mean((moved.blend - middle) ** 2, (1, 2, 3))
    both = jnp.mean((moved.sides - middle) ** 2, (0, 2, 3, 4))
    error = config.loss.blend * weight * 255**2 * ((1 - SIDES) * mse + SIDES * both)
    bpp = coder.total / middle[0, ..., 0].size
    own = balance(weight, config.model, config.loss)
    loss = jnp.mean((error + rate_weight * bpp) / own)
    metrics = {
        "loss": loss,
        "bpp": jnp.mean(bpp),
        "psnr": jnp.mean(psnr(moved.blend, middle)),
        "psnr_sides": jnp.mean(jnp.stack([psnr(side, middle) for side in moved.sides])),
    }
    return loss, metrics, moved.blend
