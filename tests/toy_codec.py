"""A codec of one's own: the colour of each block, by the mean of that in both references."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Integer

from kbvc_jax.models.codecs.contract import BLOCK, Decoded, FrameCodec, Latent, Symbols, Values
from kbvc_jax.models.hyperprior import Gaussian, Rate
from kbvc_jax.ops.densities import scale_table

TABLE = 36  # of the Gaussian ones, for every symbol


class ToyNetwork(nnx.Module):
    def __init__(self):
        self.log2_gain = nnx.Param(jnp.full(3, 6.0))


class ToyCodec(FrameCodec):
    @property
    def gain(self) -> Float[Array, "3"]:
        return jnp.exp2(self.model.toy.log2_gain[...])

    @property
    def latents(self) -> tuple[Latent, ...]:
        return (Latent("colour", (*self.size.blocks, 3), error_weight=60.0),)

    def context(self, references: Sequence[Decoded], rate: Rate) -> Float[Array, "b y x 3"]:
        return jnp.stack([self.blocks(reference.frame) for reference in references]).mean(0)

    def analyse(self, frame: Float[Array, "b h w 3"], observed: None, context: Array, rate: Rate):
        return {"colour": self.gain * (self.blocks(frame) - context)}

    def blocks(self, frame: Float[Array, "b h w 3"]) -> Float[Array, "b y x 3"]:
        rows, columns = self.size.blocks
        return frame.reshape(-1, rows, BLOCK, columns, BLOCK, 3).mean((2, 4))

    def density(self, latent: Latent, known: Values, context: Array, rate: Rate) -> Gaussian:
        return Gaussian(jnp.full((len(rate.level), *latent.shape), scale_table()[TABLE]))

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Any], rate: Rate
    ) -> Integer[Array, "b h w 3"]:
        return jnp.full((len(rate.level), *latent.shape), TABLE, jnp.uint8)

    def synthesise(self, known: Values, context: Array, rate: Rate) -> Decoded:
        blocks = context + known["colour"] / self.gain
        return Decoded(blocks.repeat(BLOCK, 1).repeat(BLOCK, 2), None)
