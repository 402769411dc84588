"""The compiled steps of a decoder; encoder/steps.py has what an encoder needs besides.

The encoder rebuilds each frame by the very functions, with the very shapes, that the decoder will
run; on one machine their results are therefore the same to the last bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, UInt

from kbvc_jax.codec.batch import References
from kbvc_jax.models.codecs import fusion
from kbvc_jax.models.codecs.contract import BLOCK, Decoded, FrameCodec, Latent, Size, Symbols
from kbvc_jax.models.codecs.walk import Read, Walked, walk_first, walk_rest
from kbvc_jax.models.entropy_model import IntegerPrior
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.parameters import Parameters, Skeleton
from kbvc_jax.runtime.compiled import step


class Weights(NamedTuple):
    arrays: Parameters
    integers: Mapping[str, IntegerPrior]


class Program(NamedTuple):
    """What a step is compiled for."""

    skeleton: Skeleton
    codec: str
    size: Size
    peak: int  # of samples
    fuses: bool  # see FrameCodec

    def of(self, weights: Weights) -> FrameCodec:
        model = self.skeleton.model(weights.arrays)
        return model.codec(self.codec, self.size, weights.integers)

    def samples(self, frames: UInt[Array, "b h w 3"]) -> Float[Array, "b ph pw 3"]:
        return pad_to_multiple(frames.astype(jnp.float32) / self.peak, BLOCK)


@step("program")
def context(
    program: Program, weights: Weights, references: Sequence[References], rate: Rate
) -> Any:
    """What a codec makes of its references."""
    seen = [Decoded(program.samples(r.frames), r.memory) for r in references]
    return program.of(weights).context(seen, rate)


@step("program", "latent", plain=True)
def tables(
    program: Program,
    weights: Weights,
    latent: Latent,
    symbols: Symbols,
    memories: Sequence[Any],
    rate: Rate,
) -> Integer[Array, "b ..."]:
    return program.of(weights).tables(latent, symbols, memories, rate)


@step("program", plain=True)
def learn(program: Program, weights: Weights, symbols: Symbols, context: Any, rate: Rate) -> Walked:
    """What the latents that come first tell, for an encoder to look for the others and for whoever
    decodes them."""
    return walk_first(program.of(weights), Read(symbols), context, rate)


@step("program")
def synthesise(
    program: Program, weights: Weights, symbols: Symbols, begun: Walked, rate: Rate
) -> tuple[UInt[Array, "b h w 3"], Any]:
    codec = program.of(weights)
    frame, memory = codec.synthesise(*walk_rest(codec, Read(symbols), begun, rate), rate)
    return to_grid(frame, program.peak, program.size), memory


@step("program")
def before_fusion(
    program: Program, weights: Weights, symbols: Symbols, begun: Walked, rate: Rate
) -> Decoded:
    codec = program.of(weights)
    return codec.before_fusion(*walk_rest(codec, Read(symbols), begun, rate), rate)


@step(plain=True)
def moved_to(
    decoded: Float[Array, "b ph pw 3"], reference: Float[Array, "b ph pw 3"]
) -> Float[Array, "b ph pw 3"]:
    return fusion.moved_to(decoded, reference)


@step("program")
def fuse(
    program: Program,
    weights: Weights,
    decoded: Float[Array, "b ph pw 3"],
    sides: tuple[Float[Array, "b ph pw 3"], Float[Array, "b ph pw 3"]],
    quality: Float[Array, "b"],
) -> UInt[Array, "b h w 3"]:
    fused = program.skeleton.model(weights.arrays).fusion(decoded, jnp.stack(sides), quality)
    return to_grid(fused, program.peak, program.size)


def to_grid(frame: Float[Array, "b ph pw 3"], peak: int, size: Size) -> UInt[Array, "b h w 3"]:
    """The sample grid of the output file: what is rounded here is what later frames refer to."""
    shown = jnp.clip(crop(frame, *size), 0, 1)
    return jnp.rint(shown * peak).astype(jnp.uint8 if peak < 256 else jnp.uint16)
