"""Which of its modes each position of a latent takes, and what that costs: see predicted.py."""

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float, Integer

from kbvc_jax.coding.modes import SAME, SEEN
from kbvc_jax.models.codecs.rounding import Prices, bits_of, symbols_of
from kbvc_jax.ops.lookup import entries

# Bits worth a squared error of 1: tried out, see docs/design.md, RDO quantisation.
MODE_ERROR_WEIGHT = 12.0
ROUNDS = 4  # of choosing modes


def choose_modes(
    y: Float[Array, "b lh lw m"],
    mean: Float[Array, "b lh lw m"],
    indexes: Integer[Array, "b lh lw m"],
    predictors: Float[Array, "p b lh lw m"],
    narrower: Sequence[int],
    prices: Prices,
    error_weight: float,
) -> Integer[Array, "b lh lw"]:
    """The cheapest mode of each position, by its symbols' bits, the error left and its own."""

    means = jnp.concatenate([mean[None], predictors])

    def cost(mode: tuple[Integer[Array, ""], Integer[Array, ""]]) -> Float[Array, "b lh lw"]:
        predictor, by = mode
        exact = y - entries(means, predictor)
        some = lowered(indexes, by)
        symbols = symbols_of(exact, some, prices, error_weight)
        error = jnp.square(exact - symbols)
        return (bits_of(symbols, some, prices) + MODE_ERROR_WEIGHT * error).sum(-1)

    modes = [(0, 0), *itertools.product(range(1, len(means)), narrower)]
    costs = jax.lax.map(cost, tuple(np.array(modes, np.int32).T))  # one program for all
    return settled(jnp.moveaxis(costs, 0, -1))


def lowered(
    indexes: Integer[Array, "b lh lw m"], by: Integer[Array, "..."]
) -> Integer[Array, "b lh lw m"]:
    """Of narrower tables."""
    return jnp.maximum(indexes.astype(jnp.int32) - by, 0).astype(indexes.dtype)


def settled(costs: Float[Array, "b lh lw n"]) -> Integer[Array, "b lh lw"]:
    """The cheapest modes, which are coded given the one above: what one costs depends on the
    others, so they are chosen again and again, every other row at a time."""
    number, height = costs.shape[-1], costs.shape[1]
    modes = jnp.argmin(costs, -1)
    shares = (jax.nn.one_hot(modes, number).sum((0, 1, 2)) + 1) / (modes.size + number)
    modes = jnp.argmin(costs - jnp.log2(shares), -1)
    rows = jnp.arange(height)[:, None] % 2

    def again(
        turn: Integer[Array, ""], modes: Integer[Array, "b lh lw"]
    ) -> Integer[Array, "b lh lw"]:
        bits = _bits_given_above(modes, number)
        own = costs + bits[_above(modes, number)]
        own = own.at[:, :-1].add(jnp.moveaxis(bits[:number, modes[:, 1:]], 0, -1))
        return jnp.where(rows == turn % 2, jnp.argmin(own, -1), modes)

    return jax.lax.fori_loop(0, 2 * ROUNDS, again, modes)


def _above(modes: Integer[Array, "b lh lw"], number: int) -> Integer[Array, "b lh lw"]:
    """Above the first row is a mode of its own."""
    return jnp.pad(modes[:, :-1], ((0, 0), (1, 0), (0, 0)), constant_values=number)


def _bits_given_above(modes: Integer[Array, "b lh lw"], number: int) -> Float[Array, "a n"]:
    """What each mode would cost below each other one, by how often it is there."""
    below, above = jax.nn.one_hot(modes, number), jax.nn.one_hot(_above(modes, number), number + 1)
    seen = jnp.einsum("bhwa,bhwm->am", above, below)
    shares = (below.sum((0, 1, 2)) + 0.1) / (modes.size + 0.1 * number)
    counts = seen + jnp.eye(number + 1, number) + 2 * shares
    return -jnp.log2(counts / counts.sum(1, keepdims=True))


def adaptive_bits(modes: Float[Array, "b lh lw"], first: Sequence[int]) -> Float[Array, "b"]:
    """What coding/modes.py makes of a batch, each frame's equal share: as if it learnt from each
    mode at once, instead of row by row."""
    number = len(first)
    own = modes.astype(jnp.int32)
    below = jax.nn.one_hot(own, number)
    above = jax.nn.one_hot(_above(own, number), number + 1)
    seen = jnp.einsum("bhwa,bhwm->am", above, below)
    start = jnp.asarray(first) / SEEN + SAME / SEEN * jnp.eye(number + 1, number)
    each = gammaln(start + seen) - gammaln(start)
    total = gammaln((start + seen).sum(1)) - gammaln(start.sum(1))
    bits = (total - each.sum(1)).sum() / math.log(2)
    return jnp.full(len(modes), bits / len(modes))
