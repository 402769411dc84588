"""Entropy models: z, from which all tables follow at once, and means in steps.

Scales know z alone, so that a decoder reads a latent in one go; means know all that was decoded.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.contract import Choose
from kbvc_jax.models.codecs.motion.fine.blocks import Block, Widened, joined, leaky
from kbvc_jax.models.codecs.motion.segments import mean_in_parts
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Hyperprior
from kbvc_jax.models.layers import Convolution, Stack, TransposedConvolution


class FineHyperprior(Hyperprior):
    """z at a quarter of the latent's resolution, of it and of what is known beside it."""

    LEVELS = range(3)

    def __init__(
        self,
        config: ModelConfig,
        channels: int,
        beside: int,
        z_channels: int,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        c, parts = z_channels, {"dtype": dtype, "rngs": rngs}
        self.channels, self.z_channels, self.stride = channels, c, 4
        self.encoder = Stack(
            Convolution(channels + beside, c, 3, **parts),
            Convolution(c, c, 3, stride=2, **parts),
            Convolution(c, c, 3, stride=2, gain=1.0, **parts),
            activation=leaky,
        )
        self.mean_decoder = Stack(
            Convolution(c, c, 3, **parts),
            Widened(c, c, 1, **parts),
            Convolution(c, c, 3, **parts),
            Widened(c, channels, 1, **parts),
            Convolution(channels, channels, 3, gain=0.1, **parts),
            activation=leaky,
        )
        self.scale_decoder = Stack(
            TransposedConvolution(c, c, 4, **parts),
            TransposedConvolution(c, channels, 4, gain=0.1, **parts),
            activation=jax.nn.relu,
        )
        self.begin(config, self.LEVELS, rngs)

    def hyper_latent(
        self, y: Float[Array, "b h w m"], beside: Float[Array, "b h w s"] | None = None
    ) -> Float[Array, "b zh zw c"]:
        return super().hyper_latent(y if beside is None else joined(y, beside))


class Steps(nnx.Module):
    """Means part by part. Directions take turns: each has its own channels, and hears the others'
    so far."""

    def __init__(
        self,
        channels: int,
        directions: int,
        told: int,
        hidden: Sequence[int],
        segments: int,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        arithmetic = {"dtype": dtype, "rngs": rngs}
        self.channels, self.directions, self.segments = channels, directions, segments
        seen, width = told + directions * channels, hidden[0]
        self.first = nnx.List(
            [Convolution(seen, width, 1, **arithmetic) for _ in range(directions * segments)]
        )
        pairs = zip(hidden[:-1], hidden[1:], strict=True)
        self.shared = nnx.List([Block(i, o, **arithmetic) for i, o in pairs])
        last = hidden[-1] != channels
        self.last = Convolution(width, channels, 1, gain=0.1, **arithmetic) if last else None

    def __call__(
        self, base: Float[Array, "b h w m"], told: Float[Array, "b h w p"], choose: Choose
    ) -> Float[Array, "b h w m"]:
        """`base` and what `told` adds to it; `choose` says what is coded."""

        def refine(step: int, known: Float[Array, "b h w m"]) -> Float[Array, "b h w c"]:
            own_first = self._in_turn(known, step % self.directions)
            x = self.first[step](joined(told, *own_first))
            for block in self.shared:
                x = block(x)
            return x if self.last is None else self.last(x)

        return mean_in_parts(base, self.directions, self.segments, refine, choose, mixed=True)

    def _in_turn(self, known: Float[Array, "b h w m"], direction: int) -> list[Array]:
        """The direction's own first, then the other's."""
        halves = jnp.split(known, self.directions, -1)
        return halves[direction:] + halves[:direction]
