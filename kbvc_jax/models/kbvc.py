"""The assembly: networks of the image and the motion-free codec, interpolator (section 3)."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.models.codecs.contract import FrameCodec, Integers, Size
from kbvc_jax.models.codecs.fusion import Fusion, aligned
from kbvc_jax.models.codecs.image import ImageNetwork
from kbvc_jax.models.codecs.kernel import KernelNetwork
from kbvc_jax.models.codecs.motion.fine.flow import FlowNetwork
from kbvc_jax.models.codecs.motion.fine.frame_coder import FineFrame
from kbvc_jax.models.codecs.motion.fine.motion_coder import FineMotion
from kbvc_jax.models.codecs.motion.network import MotionNetwork
from kbvc_jax.models.codecs.motion.residual import ResidualNetwork
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.codecs.ssf import SsfMotion, SsfResidual
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.interpolator import Interpolator
from kbvc_jax.models.layers import DrawnAtOnce, NothingDrawn


class Kbvc(nnx.Module):
    def __init__(
        self, config: ModelConfig, rngs: nnx.Rngs | None = None, dtype: DTypeLike = jnp.float32
    ):
        rngs = first_weights(config, jax.random.key(0)) if rngs is None else rngs
        self.config = config
        self.image = ImageNetwork(config, dtype, rngs)
        self.frame = KernelNetwork(config, config.frame, dtype, rngs) if config.frame else None
        self.interpolator = (
            Interpolator(config.interpolator, dtype, rngs) if config.interpolate else None
        )
        self.fusion = (
            Fusion(config.fusion_channels, dtype, rngs) if config.fusion_channels else None
        )
        self.motion = MotionNetwork(config, config.motion, dtype, rngs) if config.motion else None
        self.residual = (
            ResidualNetwork(config, config.motion, dtype, rngs) if config.motion else None
        )
        fine = config.fine
        self.flow = FlowNetwork(fine.flow_channels, dtype, rngs) if fine else None
        self.fine_motion = FineMotion(config, fine, dtype, rngs) if fine else None
        self.fine = FineFrame(config, fine, dtype, rngs) if fine else None
        ssf = config.ssf
        self.ssf_motion = SsfMotion(config, ssf, dtype, rngs) if ssf else None
        self.ssf = SsfResidual(config, ssf, dtype, rngs) if ssf else None

    def codec(self, name: str, size: Size, integers: Integers | None = None) -> FrameCodec:
        """One of its codecs, for frames of this size; without integers for training alone."""
        return CODECS[name](self, size, integers)

    def references(
        self, previous: Float[Array, "b h w 3"], following: Float[Array, "b h w 3"]
    ) -> Float[Array, "b r h w 3"]:
        """Previous, following and, between them, the interpolated frame."""
        frames = [previous, following]
        if self.interpolator is not None:
            frames.append(self.interpolator(previous, following))
        return jnp.stack(frames, 1)

    def fused(
        self,
        decoded: Float[Array, "b h w 3"],
        references: Float[Array, "s b h w 3"],
        quality: Float[Array, "b"],
    ) -> Float[Array, "b h w 3"]:
        """A predicted frame with what its references, one or two, add to it."""
        if self.fusion is None:
            return decoded
        return self.fusion(decoded, aligned(decoded, references), quality)

    def between(
        self, previous: Float[Array, "b h w 3"], following: Float[Array, "b h w 3"]
    ) -> Float[Array, "b h w 3"]:
        """The interpolated frame; without that network the mean of both."""
        if self.interpolator is None:
            return (previous + following) / 2
        return self.interpolator(previous, following)


def shapes_of(config: ModelConfig) -> Kbvc:
    """The model with shapes for arrays."""
    return nnx.eval_shape(lambda: Kbvc(config, NothingDrawn()))


def first_weights(config: ModelConfig, key: PRNGKeyArray) -> DrawnAtOnce:
    """What a new model begins with."""
    arrays = jax.tree.leaves(nnx.state(shapes_of(config)))
    return DrawnAtOnce(key, sum(math.prod(array.shape) for array in arrays))
