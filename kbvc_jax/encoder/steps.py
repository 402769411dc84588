"""The compiled steps that an encoder needs besides those of a decoder (codec/steps.py)."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, UInt

from kbvc_jax.codec.steps import Program, Weights
from kbvc_jax.models.codecs.contract import FrameCodec, Symbols, Values
from kbvc_jax.models.codecs.rounding import Prices
from kbvc_jax.models.codecs.walk import (
    Estimate,
    Read,
    Walked,
    Write,
    learnt,
    walk,
    walk_first,
    walk_rest,
)
from kbvc_jax.models.config import Rounding
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.padding import crop
from kbvc_jax.runtime.compiled import step

Chosen = tuple[Symbols, Mapping[str, Integer[Array, "b ..."]]]  # symbols and their tables


@step("program", "first", plain=True)
def analyse(
    program: Program,
    weights: Weights,
    frames: UInt[Array, "b h w 3"],
    observed: Any,
    context: Any,
    rate: Rate,
    first: bool = False,
) -> Values:
    """The latents that come first, or all others."""
    codec = program.of(weights)
    find = codec.analyse_first if first else codec.analyse
    return find(program.samples(frames), observed, context, rate)


@step("program", "rounding", plain=True)
def choose_first(
    program: Program,
    weights: Weights,
    exact: Values,
    context: Any,
    memories: Sequence[Any],
    rate: Rate,
    prices: Mapping[str, Prices],
    rounding: Rounding,
) -> Chosen:
    coder = Write(exact, memories, prices, rounding)
    walk_first(program.of(weights), coder, context, rate)
    return coder.symbols, coder.tables


@step("program", "rounding", plain=True)
def choose(
    program: Program,
    weights: Weights,
    exact: Values,
    before: Symbols,
    begun: Walked,
    memories: Sequence[Any],
    rate: Rate,
    prices: Mapping[str, Prices],
    rounding: Rounding,
) -> Chosen:
    """Of all latents but those that come first, whose symbols are `before`."""
    codec = program.of(weights)
    settled = codec.settle(exact, begun.context, rate)
    coder = Write(settled, memories, prices, rounding, before)
    walk_rest(codec, coder, begun, rate)
    return coder.symbols, coder.tables


@step("program")
def slope(
    program: Program,
    weights: Weights,
    exact: Values,
    symbols: Symbols,
    frames: UInt[Array, "b h w 3"],
    context: Any,
    rate: Rate,
    error_weight: Float[Array, ""],
) -> Values:
    """Of what frames cost, softly rounded, under the choices that `symbols` have."""
    codec = program.of(weights)
    made = {name: symbols[name].astype(jnp.float32) for name in symbols if name not in exact}

    def cost(exact: Values) -> Float[Array, ""]:
        coder = Estimate(made | dict(exact), soft=True)
        walked = walk(codec, coder, context, rate)
        error = _squared_error(program, codec, walked, frames, rate)
        return coder.total.sum() + error_weight * error

    return jax.grad(cost)(exact)


@step("program")
def error_slope(
    program: Program,
    weights: Weights,
    symbols: Symbols,
    frames: UInt[Array, "b h w 3"],
    context: Any,
    rate: Rate,
    error_weight: Float[Array, ""],
) -> Values:
    """Of what their errors cost, by the very latents that are decoded."""
    codec = program.of(weights)

    def cost(known: Values) -> Float[Array, ""]:
        walked = Walked(known, learnt(codec, known, context, rate))
        return error_weight * _squared_error(program, codec, walked, frames, rate)

    return jax.grad(cost)(dict(walk(codec, Read(symbols), context, rate).known))


def _squared_error(
    program: Program, codec: FrameCodec, walked: Walked, frames: Array, rate: Rate
) -> Float[Array, ""]:
    """In the frames' own units."""
    decoded = crop(codec.synthesise(*walked, rate).frame, *program.size)
    return jnp.square(program.peak * decoded - frames.astype(jnp.float32)).sum()
