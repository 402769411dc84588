"""A frame's symbols, made better down the gradient of what they cost.

An encoder guesses y and z in one pass. The decoder, differentiated, tells how to change them: first
for fewer bits and less error, where rounding is soft in that derivative alone, then for less error
of the very symbols that are sent. A step is judged by what the file would hold: where it does not
pay it is taken back, so that no frame costs more than before. Streams stay what they are: a decoder
cannot tell.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped, UInt

from kbvc_jax.codec.batch import FrameRates, Latents, Predictors, Prior, Size, Symbols
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import Rounding
from kbvc_jax.rate import Quality


@dataclasses.dataclass(frozen=True)
class Descent:
    """Steps in symbols a bit of slope: gains make the quantiser's bin the natural unit at every
    quality."""

    first: float
    longer: float  # after a step that pays
    shorter: float
    steepest: float = math.inf  # a slope beyond this says no more than its sign


SOFT = Descent(0.03, 1.2, 0.3, steepest=5.0)
EXACT = Descent(0.006, 1.3, 0.5)
SOFT_PART = 4  # one step of so many, rounded up


class Attempt(NamedTuple):
    latents: Latents
    symbols: Symbols
    frames: UInt[Array, "b h w 3"]
    prior: Prior


def code_frames(
    network: EncoderNetwork,
    sources: UInt[Array, "b h w 3"],
    references: Array | None,
    rates: FrameRates,
    effort: int,
    rounding: Rounding,
    predictors: Predictors | None = None,
) -> Attempt:
    """Symbols and what they decode to. Only the image codec's are refined.

    Where latents are predicted, each step goes down the slope under the modes at hand, and may end
    at others."""
    size = Size(*sources.shape[1:3])

    def attempt(latents: Latents) -> Attempt:
        symbols, prior = network.quantise(latents, rates, size, rounding, predictors)
        decoded = network.synthesise(symbols.y, prior, references, rates, size, predictors)
        return Attempt(latents, symbols, decoded, prior)

    def cost(tried: Attempt) -> Float[np.ndarray, "b"]:
        quality = rates.shared_quality
        return costs(network, tried.symbols, tried.frames, sources, rates, quality)

    def soft(best: Attempt) -> Latents:
        prior = None if predictors is None else best.prior
        return network.slope(best.latents, sources, rates, prior, predictors)

    def exact(best: Attempt) -> Latents:
        sent = best.symbols.y + best.prior.mean
        slope = network.error_slope(sent, sources, rates, predictors)
        return Latents(slope, jnp.zeros_like(best.latents.z))

    best = attempt(network.analyse(sources, references, rates))
    if references is None:
        first = -(-effort // SOFT_PART)
        best = _better(best, attempt, cost, soft, SOFT, first)
        best = _better(best, attempt, cost, exact, EXACT, effort - first)
    return best


def _better(
    best: Attempt,
    attempt: Callable[[Latents], Attempt],
    cost: Callable[[Attempt], Float[np.ndarray, "b"]],
    slope: Callable[[Attempt], Latents],
    descent: Descent,
    steps: int,
) -> Attempt:
    if not steps:
        return best
    least = cost(best)
    step, pays = np.full(len(least), descent.first, np.float32), np.ones(len(least), bool)
    down = None
    for _ in range(steps):
        if pays.any():
            down = slope(best)
        tried = attempt(_descend(best.latents, down, step, descent.steepest))
        found = cost(tried)
        pays = found < least
        best, least = _chosen(pays, tried, best), np.where(pays, found, least)
        step *= np.where(pays, descent.longer, descent.shorter).astype(np.float32)
    return best


def costs(
    network: EncoderNetwork,
    symbols: Symbols,
    decoded: UInt[Array, "b h w 3"],
    sources: UInt[Array, "b h w 3"],
    rates: FrameRates,
    quality: Quality,
) -> Float[np.ndarray, "b"]:
    """Bits + lambda x 255^2 x squared error of each frame, summed over its pixels."""
    bits_y, bits_z = network.bits(symbols, rates, Size(*sources.shape[1:3]))
    error = np.asarray(_squared_error(decoded, sources), np.float64)
    return bits_y + bits_z + network.error_weight(quality) * error


@jax.jit
def _squared_error(
    decoded: UInt[Array, "b h w 3"], sources: UInt[Array, "b h w 3"]
) -> Float[Array, "b"]:
    return jnp.square(decoded.astype(jnp.float32) - sources).sum((1, 2, 3))


@jax.jit
def _descend(
    latents: Latents, slope: Latents, step: Float[Array, "b"], steepest: Float[Array, ""]
) -> Latents:
    def down(x: Float[Array, "b *n"], gradient: Float[Array, "b *n"]) -> Float[Array, "b *n"]:
        return x - step[:, None, None, None] * jnp.clip(gradient, -steepest, steepest)

    return jax.tree.map(down, latents, slope)


@jax.jit
def _chosen(pays: Bool[Array, "b"], tried: Attempt, best: Attempt) -> Attempt:
    def choose(a: Shaped[Array, "b *n"], b: Shaped[Array, "b *n"]) -> Shaped[Array, "b *n"]:
        return jnp.where(jnp.expand_dims(pays, range(1, a.ndim)), a, b)

    return jax.tree.map(choose, tried, best)
