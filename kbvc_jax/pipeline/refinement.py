"""`--effort N`: a frame's symbols, made better in N steps down the gradient of what they cost.

An encoder guesses y and z in one pass. The decoder, differentiated, tells how to change them for
fewer bits and less error; rounding is soft in that derivative alone. A step is judged by what the
file would hold: where it does not pay it is taken back, so that no frame costs more than before.
Streams stay what they are: a decoder cannot tell.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.pipeline.batch import FrameRates, Latents, Predictors, Prior, Size, Symbols
from kbvc_jax.pipeline.network import Network

# Symbols a bit of slope. Gains make the quantiser's bin the natural unit at every quality.
FIRST_STEP, LONGER, SHORTER = 0.03, 1.2, 0.3
STEEPEST = 5.0


class Attempt(NamedTuple):
    latents: Latents
    symbols: Symbols
    frames: UInt[Array, "b h w 3"]
    prior: Prior


def code_frames(
    network: Network,
    sources: UInt[Array, "b h w 3"],
    references: Array | None,
    rates: FrameRates,
    quality: int,
    effort: int,
    predictors: Predictors | None = None,
) -> Attempt:
    """Symbols and what they decode to; `quality`, of the I-frames, weighs bits against errors.

    Where latents are predicted, each step goes down the slope under the modes at hand, and may end
    at others."""
    size = Size(*sources.shape[1:3])

    def attempt(latents: Latents) -> Attempt:
        symbols, prior = network.quantise(latents, rates, size, predictors)
        decoded = network.synthesise(symbols.y, prior, references, rates, size)
        return Attempt(latents, symbols, decoded, prior)

    def cost_of(tried: Attempt) -> Float[np.ndarray, "b"]:
        return costs(network, tried.symbols, tried.frames, sources, rates, quality)

    best = attempt(network.analyse(sources, references, rates))
    if not effort:
        return best
    cost, pays = cost_of(best), np.ones(len(sources), bool)
    step, slope = np.full(len(sources), FIRST_STEP, np.float32), None
    for _ in range(effort):
        if pays.any():
            prior = None if predictors is None else best.prior
            slope = network.slope(best.latents, sources, references, rates, quality, prior)
        tried = attempt(_descend(best.latents, slope, step))
        found = cost_of(tried)
        pays = found < cost
        best, cost = _chosen(pays, tried, best), np.where(pays, found, cost)
        step *= np.where(pays, LONGER, SHORTER).astype(np.float32)
    return best


def costs(
    network: Network,
    symbols: Symbols,
    decoded: UInt[Array, "b h w 3"],
    sources: UInt[Array, "b h w 3"],
    rates: FrameRates,
    quality: int,
) -> Float[np.ndarray, "b"]:
    """Bits + lambda x 255^2 x squared error of each frame, summed over its pixels."""
    bits_y, bits_z = network.bits(symbols, rates, Size(*sources.shape[1:3]))
    error = np.asarray(_squared_error(decoded, sources), np.float64)
    return bits_y + bits_z + network.error_weight(quality) * error


@jax.jit
def _squared_error(decoded, sources):
    return jnp.square(decoded.astype(jnp.float32) - sources).sum((1, 2, 3))


@jax.jit
def _descend(latents, slope, step):
    def down(x, gradient):
        return x - step[:, None, None, None] * jnp.clip(gradient, -STEEPEST, STEEPEST)

    return jax.tree.map(down, latents, slope)


@jax.jit
def _chosen(pays, tried, best):
    def choose(a, b):
        return jnp.where(jnp.expand_dims(pays, range(1, a.ndim)), a, b)

    return jax.tree.map(choose, tried, best)
