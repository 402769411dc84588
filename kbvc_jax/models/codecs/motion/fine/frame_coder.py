"""The frame, under its contexts: y by an encoder that sees blend and contexts, the picture as the
blend and a residual."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.contract import Choose
from kbvc_jax.models.codecs.motion.fine.alignment import Alignment
from kbvc_jax.models.codecs.motion.fine.blocks import Block, Widened, halved, joined
from kbvc_jax.models.codecs.motion.fine.contexts import Contexts, Fused
from kbvc_jax.models.codecs.motion.fine.priors import FineHyperprior, Steps
from kbvc_jax.models.codecs.motion.fine.quality import Step
from kbvc_jax.models.config import FineConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth


class Shown(NamedTuple):
    frame: Float[Array, "b h w 3"]
    feature: Float[Array, "b h/2 w/2 c"]


class Encoder(nnx.Module):
    def __init__(self, channels: Sequence[int], latent: int, dtype: DTypeLike, rngs: nnx.Rngs):
        a, b, c = channels
        d, parts = latent, {"dtype": dtype, "rngs": rngs}
        self.first, self.half = Convolution(24 + a, c, 3, **parts), Block(c, c, **parts)
        self.to_quarter = Convolution(c, c, 3, stride=2, **parts)
        self.quarter = Block(c + b, c, **parts)
        self.to_eighth = Convolution(c, c, 3, stride=2, **parts)
        self.eighth = Block(2 * c, d, **parts)
        self.last = Convolution(d, d, 3, stride=2, gain=1.0, **parts)

    def __call__(self, frame: Float[Array, "b h w 3"], fused: Fused) -> Float[Array, "b lh lw y"]:
        fine, middle, coarse = fused.contexts
        both = joined(*(space_to_depth(x - 0.5, 2) for x in (frame, fused.blend)))
        x = self.to_quarter(self.half(self.first(joined(both, fine))))
        x = self.to_eighth(self.quarter(joined(x, middle)))
        return self.last(self.eighth(joined(x, coarse))).astype(jnp.float32)


class Decoder(nnx.Module):
    """The U-Net's features are what later frames refer to."""

    def __init__(self, channels: Sequence[int], latent: int, dtype: DTypeLike, rngs: nnx.Rngs):
        a, b, c = channels
        d, parts = latent, {"dtype": dtype, "rngs": rngs}
        self.to_eighth, self.eighth = Widened(d, d, 1, **parts), Block(d + c, d, **parts)
        self.to_quarter, self.quarter = Widened(d, c, 1, **parts), Block(c + b, c, **parts)
        self.to_half = Widened(c, b, 1, **parts)
        self.first = Convolution(b + a + 12, a, 3, **parts)
        self.down = nnx.List([Block(a, a, **parts), Block(a, b, **parts), Block(b, c, **parts)])
        self.bottom = nnx.List([Block(c, c, **parts) for _ in range(2)])
        self.up = nnx.List([Widened(c, b, 1, **parts), Widened(b, a, 1, **parts)])
        self.back = nnx.List([Block(2 * b, b, **parts), Block(2 * a, a, **parts)])
        self.last = Convolution(a, 12, 3, **parts)
        self.last.kernel[...] = jnp.zeros_like(self.last.kernel[...])

    def __call__(self, latent: Float[Array, "b lh lw y"], fused: Fused) -> Shown:
        fine, middle, coarse = fused.contexts
        x = self.eighth(joined(self.to_eighth(latent), coarse))
        x = self.to_half(self.quarter(joined(self.to_quarter(x), middle)))
        x = self.first(joined(x, fine, space_to_depth(fused.blend - 0.5, 2)))
        half = self.down[0](x)
        quarter = self.down[1](halved(half))
        x = self.down[2](halved(quarter))
        for block in self.bottom:
            x = block(x)
        x = self.back[0](joined(self.up[0](x), quarter))
        feature = self.back[1](joined(self.up[1](x), half))
        residual = depth_to_space(self.last(feature)).astype(jnp.float32)
        return Shown(fused.blend + residual, feature.astype(jnp.float32))


class FineFrame(nnx.Module):
    LEVELS = FineHyperprior.LEVELS

    def __init__(self, config: ModelConfig, own: FineConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        channels, y, parts = (
            own.context_channels,
            own.latent_channels,
            {"dtype": dtype, "rngs": rngs},
        )
        self.contexts = Contexts(own, **parts)
        self.encoder = Encoder(channels, y, **parts)
        self.decoder = Decoder(channels, y, **parts)
        self.step, self.inverse_step = Step(config, y, +1), Step(config, y, -1)
        self.of_context = Convolution(channels[-1], y, 3, stride=2, gain=1.0, **parts)
        self.hyperprior = FineHyperprior(config, y, y, y, **parts)
        sources = 3 if own.alignment else 0
        self.alignments = nnx.List([Alignment(y, y // 2, **parts) for _ in range(sources)])
        self.gather = Convolution(4 * y + 2, 2 * y, 1, gain=1.0, **parts)
        self.told = Block(2 * y, 2 * y, **parts)
        hidden = (y * 3 // 2,) * 3
        self.steps = Steps(y, 1, 2 * y, hidden, own.segments, **parts)

    def mean(
        self,
        z: Float[Array, "b zh zw c"],
        context: Float[Array, "b lh lw y"],
        known: Sequence[Float[Array, "b lh lw y"]],
        present: Float[Array, "b 2"],
        choose: Choose,
        rate: Rate,
    ) -> Float[Array, "b lh lw y"]:
        """`known`: both references' latents, where they are present."""
        base = self.hyperprior.mean(z, *context.shape[1:3])
        sources = [context, *(latent * self.step(rate) for latent in known)]
        if len(self.alignments):
            pairs = zip(self.alignments, sources, strict=True)
            sources = [align(base, source) for align, source in pairs]
        planes = jnp.broadcast_to(present[:, None, None], (*base.shape[:3], 2))
        told = self.told(self.gather(joined(base, *sources, planes)))
        return self.steps(base, told, choose)
