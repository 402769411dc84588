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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped, UInt

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.network import Batch
from kbvc_jax.codec.payload import Coded
from kbvc_jax.encoder.cost import Cost
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.models.codecs.contract import Values
from kbvc_jax.models.codecs.motion.estimation import Ways
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.config import Rounding


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
    exact: Values
    coded: Coded
    pictures: list[Picture]

    def cost(self, network: EncoderNetwork, sources: UInt[Array, "b h w 3"]) -> Cost:
        return Cost(network, self.coded, self.pictures, sources)


def code_frames(
    network: EncoderNetwork,
    batch: Batch,
    sources: UInt[Array, "b h w 3"],
    effort: int,
    rounding: Rounding,
    ways: Ways = (),
) -> Attempt:
    """Symbols and what they decode to. Each step goes down the slope under the choices at hand, and
    may end at others."""
    context = network.context(batch)
    observed = network.observe(batch, ways)

    def attempt(exact: Values | None = None) -> Attempt:
        """By these latents; without, by those that an encoder finds."""
        first = exact or network.analyse_first(batch, sources, observed, context)
        begun = network.begin(batch, first, context, rounding)
        rest = exact or network.analyse(batch, sources, observed, begun.walked.context)
        coded = network.choose(batch, rest, begun, rounding)
        pictures = network.reconstruct(batch, coded.symbols, begun.walked)
        return Attempt({**first, **rest}, coded, pictures)

    def cost(tried: Attempt) -> Float[np.ndarray, "b"]:
        return tried.cost(network, sources).total(batch.rates.quality)

    def soft(best: Attempt) -> Values:
        return network.slope(best.coded, best.exact, sources, context)

    def exactly(best: Attempt) -> Values:
        return network.error_slope(best.coded, sources, context)

    best = attempt()
    if CODECS[batch.codec].refined:
        first = -(-effort // SOFT_PART)
        best = _better(best, attempt, cost, soft, SOFT, first)
        best = _better(best, attempt, cost, exactly, EXACT, effort - first)
    return best


def _better(
    best: Attempt,
    attempt: Callable[[Values], Attempt],
    cost: Callable[[Attempt], Float[np.ndarray, "b"]],
    slope: Callable[[Attempt], Values],
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
        tried = attempt(_descend(best.exact, down, step, descent.steepest))
        found = cost(tried)
        pays = found < least
        best, least = _chosen(pays, tried, best), np.where(pays, found, least)
        step *= np.where(pays, descent.longer, descent.shorter).astype(np.float32)
    return best


@jax.jit
def _descend(
    exact: Values, slope: Values, step: Float[Array, "b"], steepest: Float[Array, ""]
) -> Values:
    def down(x: Float[Array, "b *n"], gradient: Float[Array, "b *n"]) -> Float[Array, "b *n"]:
        by = jnp.expand_dims(step, range(1, x.ndim))
        return x - by * jnp.clip(gradient, -steepest, steepest)

    return {name: down(x, slope[name]) for name, x in exact.items()}


def _chosen(pays: Bool[np.ndarray, "b"], tried: Attempt, best: Attempt) -> Attempt:
    if len(pays) == 1:
        return tried if pays[0] else best
    arrays = [(a.exact, a.coded.symbols, a.coded.tables) for a in (tried, best)]
    exact, symbols, tables = _mixed(pays, *arrays)
    pairs = zip(pays, tried.pictures, best.pictures, strict=True)
    pictures = [new if own else old for own, new, old in pairs]
    return Attempt(exact, Coded(best.coded.batch, symbols, tables), pictures)


@jax.jit
def _mixed(pays: Bool[Array, "b"], tried: Any, best: Any) -> Any:
    def choose(a: Shaped[Array, "b *n"], b: Shaped[Array, "b *n"]) -> Shaped[Array, "b *n"]:
        return jnp.where(jnp.expand_dims(pays, range(1, a.ndim)), a, b)

    return jax.tree.map(choose, tried, best)
