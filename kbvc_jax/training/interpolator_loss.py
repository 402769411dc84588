"""What the interpolator learns from: every triplet of a group's hierarchy.

"ifrnet", IFRNet's own loss (Kong et al. 2022, section 3.3): Charbonnier + census over 7x7 + 0.01 x
the same comparison over 3x3 of the predicted intermediate features with those of the true middle
frame. No flow distillation: no labels ship.
"rate": what the frame codec would pay for the error, block by block. What its quantiser would lose
anyway costs next to nothing, and blocks that nothing can save do not outweigh the others.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from kbvc_jax.codec.schedule import hierarchy
from kbvc_jax.models.interpolator import Interpolator
from kbvc_jax.training.loss import Metrics, psnr

GEOMETRY_WEIGHT = 0.01
_EPSILON_SQUARED = 1e-6
BLOCK = 8  # of one variance
NOISE = 5e-4  # squared error of a coded frame: 33 dB


def charbonnier(difference: Float[Array, "b h w c"]) -> Float[Array, ""]:
    return jnp.mean(jnp.sqrt(difference**2 + _EPSILON_SQUARED))


def census(a: Float[Array, "b h w c"], b: Float[Array, "b h w c"], size: int) -> Float[Array, ""]:
    """How differently pixels relate to their neighbours in a window, each channel for itself.

    Blind to brightness, and bounded: an occluded patch cannot outweigh the rest. Pixels whose
    window leaves the image do not count.
    """
    radius = size // 2
    offsets = jnp.stack(jnp.meshgrid(jnp.arange(size), jnp.arange(size)), -1).reshape(-1, 2)

    @jax.checkpoint  # else every offset keeps its images for the backward pass
    def distance(total, offset):
        difference = _relation(a, offset, radius) - _relation(b, offset, radius)
        return total + difference**2 / (0.1 + difference**2), None

    # Summed over pixels at the end: a reduction in every turn is slow on CPUs.
    total, _ = jax.lax.scan(distance, jnp.zeros_like(_relation(a, offsets[0], radius)), offsets)
    inside = (a.shape[1] - 2 * radius) * (a.shape[2] - 2 * radius) / (a.shape[1] * a.shape[2])
    return jnp.mean(total) / size**2 * inside


def _relation(
    x: Float[Array, "b h w c"], offset: Int[Array, "2"], radius: int
) -> Float[Array, "b ih iw c"]:
    """The neighbour at an offset against the centre, saturating; interior pixels alone."""
    batch, height, width, channels = x.shape
    inner = (batch, height - 2 * radius, width - 2 * radius, channels)
    neighbour = jax.lax.dynamic_slice(x, (0, offset[0], offset[1], 0), inner)
    difference = neighbour - jax.lax.dynamic_slice(x, (0, radius, radius, 0), inner)
    return difference / jnp.sqrt(0.81 + difference**2)


def geometry(predicted: Sequence[Array], true: Sequence[Array]) -> Float[Array, ""]:
    """Of levels 1 to 3; the coarsest is not predicted."""
    pairs = zip(predicted, true, strict=False)
    return sum((census(p, t.astype(jnp.float32), 3) for p, t in pairs), jnp.zeros(()))


def gaussian_rate(difference: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Bits a sample of Gaussians as wide as the error of each block, coded with NOISE."""
    batch, height, width, channels = difference.shape
    blocks = (batch, height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    variance = jnp.mean(difference.reshape(blocks) ** 2, (2, 4, 5))
    return jnp.mean(0.5 * jnp.log2(1 + variance / NOISE))


def interpolation_loss(
    interpolator: Interpolator,
    frames: Float[Array, "t h w 3"],
    measure: Literal["ifrnet", "rate"] = "ifrnet",
) -> tuple[Float[Array, ""], Metrics, Float[Array, "b h w 3"]]:
    """The loss of one group of true frames, its metrics, and the frames found."""
    triplets = [frame for depth in hierarchy(len(frames) - 1) for frame in depth]
    previous, middle, following = (
        frames[jnp.array([getattr(triplet, name) for triplet in triplets])]
        for name in ("previous", "time", "following")
    )
    found = interpolator.intermediate(previous, following)
    frame = jnp.clip(found.frame, 0, 1)  # as IFRNet's own training does, and as it is referred to
    difference = frame - middle
    metrics = {
        "psnr": jnp.mean(psnr(frame, middle)),
        # What averaging both references would reach: the interpolator's baseline.
        "psnr_average": jnp.mean(psnr(0.5 * (previous + following), middle)),
    }
    if measure == "rate":
        loss = gaussian_rate(difference)
    else:
        mean = 0.5 * (previous + following).mean((1, 2, 3), keepdims=True)
        metrics["geometry"] = geometry(found.features, interpolator.encode(middle - mean))
        gray, found_gray = middle.mean(-1, keepdims=True), frame.mean(-1, keepdims=True)
        relations = census(found_gray, gray, 7) + GEOMETRY_WEIGHT * metrics["geometry"]
        loss = charbonnier(difference) + relations
    return loss, {"loss": loss, **metrics}, frame
