"""The interactive dual-branch motion auto-encoder and its entropy model, at every resolution.

r_f --- 1/2 --- 1/4 <interaction> --- 1/8 <interaction> --- m_f at 1/16
r_b --- ...                                                 m_b
m_f --- 1/8 <interaction> --- 1/4 <interaction>, features --- 1/2 --- r_f

r is what the predicted motion leaves. Quantisation steps stand at 1/2, a branch's and a side's own.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.contract import Choose
from kbvc_jax.models.codecs.motion.fine.blocks import Block, Down, Up, Widened, joined
from kbvc_jax.models.codecs.motion.fine.priors import FineHyperprior, Steps
from kbvc_jax.models.codecs.motion.fine.quality import Step
from kbvc_jax.models.codecs.motion.interaction import Interaction
from kbvc_jax.models.config import FineConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution, Stack

UNIT = 4.0  # pixels of motion that count as 1


class Motion(NamedTuple):
    """Decoded: both directions in pixels, and what a later frame's encoder wants to know."""

    flows: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]]
    features: Float[Array, "b h/4 w/4 d"]


class EncoderBranch(nnx.Module):
    def __init__(self, config: ModelConfig, d: int, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.half, self.half_block = Down(2, d, **parts), Block(d, d, **parts)
        self.step = Step(config, d, +1)
        self.quarter, self.quarter_block = Down(d, d, **parts), Block(3 * d + 2, d, **parts)
        self.eighth, self.eighth_block = Down(d, d, **parts), Block(d, d, **parts)
        self.last = Convolution(d, d, 3, stride=2, gain=1.0, **parts)


class DecoderBranch(nnx.Module):
    def __init__(self, config: ModelConfig, d: int, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.block = Block(d, d, **parts)
        self.eighth, self.eighth_block = Up(d, d, **parts), Block(d, d, **parts)
        self.quarter, self.quarter_block = Up(d, d, **parts), Block(d, d, **parts)
        self.half, self.half_block = Up(d, d, **parts), Block(d, d, **parts)
        self.step = Step(config, d, -1)
        self.last = Widened(d, 2, 1, **parts)
        self.last.kernel[...] = 0.1 * self.last.kernel[...]


class FineMotion(nnx.Module):
    LEVELS = FineHyperprior.LEVELS

    def __init__(self, config: ModelConfig, own: FineConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        d, parts = own.motion_channels, {"dtype": dtype, "rngs": rngs}
        self.encoders = nnx.List([EncoderBranch(config, d, **parts) for _ in "fb"])
        self.decoders = nnx.List([DecoderBranch(config, d, **parts) for _ in "fb"])
        places = 4 if own.interaction else 0  # two of the encoder, two of the decoder
        self.interactions = nnx.List(
            [Interaction(d, depthwise=True, **parts) for _ in range(places)]
        )
        self.features = Convolution(2 * d, d, 1, gain=1.0, **parts)
        self.hyperprior = FineHyperprior(config, 2 * d, 0, d, **parts)
        widths = [max(1, d * part // 4) for part in (2, 3, 4, 4)]  # 32, 48, 64, 64
        pairs = zip((4, *widths[:-1]), widths, strict=True)
        self.of_predicted = Stack(*(Convolution(i, o, 3, stride=2, **parts) for i, o in pairs))
        told = 3 * d
        self.told = nnx.List([Block(told, told, **parts) for _ in range(2)])
        hidden = 2 * d, 2 * d, d
        self.steps = Steps(d, 2, told, hidden, own.segments, **parts)

    def _meet(self, place: int, x: list[Array]) -> list[Array]:
        return list(self.interactions[place](*x)) if len(self.interactions) else x

    def analyse(
        self,
        left: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]],
        known: tuple[Float[Array, "b h/4 w/4 d"], Float[Array, "b h/4 w/4 d"]],
        present: Float[Array, "b 2"],
        rate: Rate,
    ) -> Float[Array, "b lh lw m"]:
        """Of what prediction leaves; known of both references' own motion, where it is present."""
        own = self.encoders
        x = [b.half_block(b.half(v / UNIT)) * b.step(rate) for b, v in zip(own, left, strict=True)]
        x = [b.quarter(v) for b, v in zip(own, x, strict=True)]
        planes = jnp.broadcast_to(present[:, None, None], (*x[0].shape[:3], 2))
        x = [b.quarter_block(joined(v, *known, planes)) for b, v in zip(own, x, strict=True)]
        x = self._meet(0, x)
        x = [b.eighth_block(b.eighth(v)) for b, v in zip(own, x, strict=True)]
        x = self._meet(1, x)
        m = [b.last(v) for b, v in zip(own, x, strict=True)]
        return joined(*m).astype(jnp.float32)

    def mean(
        self,
        z: Float[Array, "b zh zw c"],
        predicted: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]],
        blocks: tuple[int, int],
        choose: Choose,
    ) -> Float[Array, "b lh lw m"]:
        base = self.hyperprior.mean(z, *blocks)
        told = joined(base, self.of_predicted(joined(*predicted) / UNIT))
        for block in self.told:
            told = block(told)
        return self.steps(base, told, choose)

    def synthesise(
        self,
        latent: Float[Array, "b lh lw m"],
        predicted: tuple[Float[Array, "b h w 2"], Float[Array, "b h w 2"]],
        rate: Rate,
    ) -> Motion:
        own, halves = self.decoders, jnp.split(latent, 2, -1)
        x = [b.eighth(b.block(v)) for b, v in zip(own, halves, strict=True)]
        x = self._meet(2, x)
        x = [b.quarter(b.eighth_block(v)) for b, v in zip(own, x, strict=True)]
        x = self._meet(3, x)
        x = [b.quarter_block(v) for b, v in zip(own, x, strict=True)]
        features = self.features(joined(*x)).astype(jnp.float32)
        x = [b.half_block(b.half(v) * b.step(rate)) for b, v in zip(own, x, strict=True)]
        left = [UNIT * b.last(v).astype(jnp.float32) for b, v in zip(own, x, strict=True)]
        flows = [v + r for v, r in zip(predicted, left, strict=True)]
        return Motion((flows[0], flows[1]), features)
