"""What sent motion leaves of a frame: coded by the image codec's shape, then joined with both moved
references, pixel by pixel (fusion.py).

frame, blend --- encoder --- y --- decoder --- blend + residual ---+
                                                   moved references --- fusion --- frame

Beside both stacks a linear transform of blocks, at first nothing: detail that few channels lose.
"""

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.around_hyperprior import LatentNetwork
from kbvc_jax.models.codecs.fusion import Fusion
from kbvc_jax.models.config import ModelConfig, MotionConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution, downsampling, upsampling
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth

BLOCK = 16
SEEN = 3 * 3  # channels of the encoder: frame, blend, how far both moved references are apart


class ResidualNetwork(LatentNetwork):
    LEVELS = range(0, 1)

    def __init__(self, config: ModelConfig, own: MotionConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        super().__init__(config, own.residual, self.LEVELS, dtype, rngs)
        m, n = own.residual.latent_channels, own.residual.hidden_channels
        parts = {"dtype": dtype, "rngs": rngs}
        self.encoder = downsampling(SEEN, *n, m, **parts)
        self.decoder = upsampling(m, *reversed(n), 3, **parts)
        self.block_encoder = Convolution(3 * BLOCK**2, m, 1, gain=1e-4, **parts)
        self.block_decoder = Convolution(m, 3 * BLOCK**2, 1, gain=1e-4, **parts)
        self.fusion = Fusion(own.fusion_channels, **parts) if own.fusion_channels else None

    def analyse(
        self,
        frame: Float[Array, "b h w 3"],
        sides: Float[Array, "2 b h w 3"],
        blend: Float[Array, "b h w 3"],
        rate: Rate,
    ) -> Float[Array, "b lh lw m"]:
        """`sides`: both references, moved."""
        seen = jnp.concatenate([frame - 0.5, blend - 0.5, sides[0] - sides[1]], -1)
        detail = self.block_encoder(space_to_depth(frame - blend, BLOCK))
        return self.scale_latent(self.encoder(seen) + detail, rate)

    def shown(
        self, latent: Float[Array, "b lh lw m"], blend: Float[Array, "b h w 3"], rate: Rate
    ) -> Float[Array, "b h w 3"]:
        """Before it is fused."""
        latent = self.unscale_latent(latent, rate)
        residual = self.decoder(latent) + depth_to_space(self.block_decoder(latent), BLOCK)
        return blend + residual.astype(jnp.float32)

    def synthesise(
        self,
        latent: Float[Array, "b lh lw m"],
        sides: Float[Array, "2 b h w 3"],
        blend: Float[Array, "b h w 3"],
        rate: Rate,
    ) -> Float[Array, "b h w 3"]:
        frame = self.shown(latent, blend, rate)
        return frame if self.fusion is None else self.fusion(frame, sides, rate.quality)
