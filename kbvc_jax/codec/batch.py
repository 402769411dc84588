"""A batch of frames on its way through the network: sizes, rates, latents, symbols."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

from kbvc_jax.models.frame_codec import FrameCodec
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.image_codec import ImageCodec
from kbvc_jax.rate import QUALITY_STEPS, Quality

BLOCK = 16


Kind = Literal["image", "frame"]


class Size(NamedTuple):
    height: int
    width: int

    @property
    def latent(self) -> tuple[int, int]:
        return -(-self.height // BLOCK), -(-self.width // BLOCK)

    def hyper_latent(self, stride: int) -> tuple[int, int]:
        height, width = self.latent
        return -(-height // stride), -(-width // stride)


class FrameRates(NamedTuple):
    """The rate of each frame of a batch, on the host: Quality in fixed point, and level."""

    quality: Int[np.ndarray, "b"]
    level: Int[np.ndarray, "b"]

    @property
    def kind(self) -> Kind:
        return "image" if self.level[0] == ImageCodec.LEVELS.start else "frame"

    @property
    def places(self) -> Int[np.ndarray, "b"]:
        """Of each level among those of its codec."""
        codec = ImageCodec if self.kind == "image" else FrameCodec
        return self.level - codec.LEVELS.start

    @property
    def shared_quality(self) -> Quality:
        """Frames of a batch are of one depth."""
        (quality,) = set(self.quality.tolist())
        return Quality(quality)

    def rows(self, rows: slice) -> "FrameRates":
        return FrameRates(self.quality[rows], self.level[rows])

    @property
    def on_device(self) -> Rate:
        quality = jnp.asarray(self.quality / QUALITY_STEPS, jnp.float32)
        return Rate(quality, jnp.asarray(self.level, jnp.int32))


class Latents(NamedTuple):
    """What a batch is coded as, before it is rounded."""

    y: Float[Array, "b lh lw m"]
    z: Float[Array, "b zh zw c"]


class Prior(NamedTuple):
    """What z tells of y."""

    mean: Float[Array, "b lh lw m"]
    indexes: Int[Array, "b lh lw m"]


class Symbols(NamedTuple):
    """The integers of a batch, and the tables of y."""

    z: Int[Array, "b zh zw c"]
    y: Int[Array, "b lh lw m"]
    indexes: Int[Array, "b lh lw m"]
    # Where latents are predicted: how, and which z are those of the frame before.
    modes: Int[Array, "b lh lw"] | None = None
    kept: Bool[Array, "b zh zw"] | None = None


class Known(NamedTuple):
    """Of frames that the image codec made: what may predict the latents of others."""

    latents: Float[Array, "b lh lw m"]  # before their gains
    z: Int[Array, "b zh zw c"]


class Predictors(NamedTuple):
    """What predicts frames: their latents, of which each position takes one, z where it is kept,
    and the frames that they are fused with."""

    latents: Float[Array, "p b lh lw m"]  # before their gains
    z: Int[Array, "b zh zw c"]
    frames: UInt[Array, "s b h w 3"]  # of one side or both
