"""What the fusion learns from: every triplet of a group's hierarchy, coded as the encoder codes it.

The sides are I-frames, the middle is worse by some quality, its latent predicted by theirs
(codec/prediction.py), or as a P-frame's by the first one's alone. All but the fusion stands
still.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from kbvc_jax.codec.schedule import hierarchy
from kbvc_jax.encoder.modes import MODE_ERROR_WEIGHT
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.image_codec import ImageCodec
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.loss import Metrics, balance, displayed, psnr

# What symbols cost, about: positions where they are not worth it are left as they are foreseen.
ZERO_BITS, OTHER_BITS = 0.1, 4.0
DEAD_ZONE = 0.1  # of what is rounded towards zero, beyond half a step


class Sides(NamedTuple):
    """I-frames."""

    frames: Float[Array, "b h w 3"]
    latents: Float[Array, "b lh lw m"]  # before their gains


def fusion_loss(
    model: Kbvc,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, ""],
    fall: Float[Array, ""] | float,
    alone: Bool[Array, ""] | bool,
    config: TrainConfig,
) -> tuple[Float[Array, ""], Metrics, Float[Array, "b h w 3"]]:
    """The loss of one group of true frames, its metrics, and the frames found; `alone`: with the
    first side only."""
    triplets = [frame for depth in hierarchy(len(frames) - 1) for frame in depth]
    previous, middle, following = (
        frames[jnp.array([getattr(triplet, name) for triplet in triplets])]
        for name in ("previous", "time", "following")
    )
    own = jnp.maximum(0, quality - fall)
    before, after = (_coded(model.image, side, quality) for side in (previous, following))
    after = jax.tree.map(lambda a, b: jnp.where(alone, b, a), after, before)
    rate = Rate(jnp.full(len(middle), own), jnp.zeros(len(middle), jnp.int32))
    latent = _predicted(model, middle, before, after, rate)
    decoded = jax.lax.stop_gradient(model.image.synthesise(latent, rate))
    found = model.fused(decoded, jnp.stack([before.frames, after.frames]), rate.quality)

    weight = lambda_of(rate.quality, config.model)
    mse = jnp.mean((found - middle) ** 2, (1, 2, 3))
    loss = jnp.mean(weight * 255**2 * mse / balance(weight, config.model, config.loss))
    metrics = {
        "loss": loss,
        "psnr": jnp.mean(psnr(found, middle)),
        "psnr_decoded": jnp.mean(psnr(decoded, middle)),
    }
    return loss, metrics, found


def _coded(codec: ImageCodec, frames: Float[Array, "b h w 3"], quality: Float[Array, ""]) -> Sides:
    rate = Rate(jnp.full(len(frames), quality), jnp.zeros(len(frames), jnp.int32))
    latent = codec.hyperprior(codec.analyse(frames, rate), rate).latent
    shown = displayed(codec.synthesise(latent, rate), rounded=True)
    return jax.lax.stop_gradient(Sides(shown, codec.known_latent(latent, rate)))


def _predicted(
    model: Kbvc, frames: Float[Array, "b h w 3"], before: Sides, after: Sides, rate: Rate
) -> Float[Array, "b lh lw m"]:
    codec = model.image
    seen = model.references(before.frames, after.frames)
    known, still = (before.latents + after.latents) / 2, (before.frames + after.frames) / 2
    foreseen = codec.scale_latent(codec.foresee(known, model.between(seen), still, rate), rate)
    exact = codec.analyse(frames, rate) - foreseen
    symbols = jnp.sign(exact) * jnp.floor(jnp.abs(exact) + 0.5 - DEAD_ZONE)
    bits = jnp.where(symbols == 0, ZERO_BITS, OTHER_BITS + 2 * jnp.log2(1 + jnp.abs(symbols)))
    saved = MODE_ERROR_WEIGHT * (exact**2 - (exact - symbols) ** 2) - bits
    return foreseen + jnp.where(saved.sum(-1, keepdims=True) > 0, symbols, 0)
