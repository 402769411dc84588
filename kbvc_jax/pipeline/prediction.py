"""Latents predicted in time: by the image codec, block by block, from those of other frames.

A mode says of each position of the latent what its mean is:
    0                              what z tells, as in an I-frame;
    1 + len(CAPS) x source + cap   the latent that the source has there; no table above CAPS[cap] is
                                   used, since what has not changed is not worth z's scale.
A P-frame's source is the I- or P-frame before it; those of a B-frame are the nearest frames before
and after it that have latents, and the mean of both. Where nothing needs a new z, the one before's
is kept.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from kbvc_jax.coding.tables import Tables

CAPS = (0, 4, 8, 12, 18)  # of 64 tables; that of index 0 makes its symbol certain
SOURCES = 3  # at most
# How often a mode counts as seen at first: what is predicted is mostly a copy of the first source.
MODE_COUNTS = (16, *(64, 1, 1, 1, 2), *(4, 1, 1, 1, 2), *(8, 1, 1, 1, 2))
KEPT_COUNTS = (2, 2)
ERROR_WEIGHT = 6 / math.log(2)  # bits worth a squared error of 1: what a rounded symbol trades
ROUNDS = 4  # of choosing modes
_REACH = 32  # symbols that have a price


def predict(
    mean: Float[Array, "b lh lw m"],
    indexes: Integer[Array, "b lh lw m"],
    sources: Float[Array, "b s lh lw m"],
    modes: Integer[Array, "b lh lw"],
) -> tuple[Float[Array, "b lh lw m"], Integer[Array, "b lh lw m"]]:
    """Means and tables under the given modes."""
    source, cap = jnp.divmod(modes - 1, len(CAPS))
    predicted = (modes > 0)[..., None]
    own = jnp.take_along_axis(sources, jnp.maximum(source, 0)[:, None, :, :, None], 1)[:, 0]
    caps = jnp.array(CAPS, indexes.dtype)[cap][..., None]
    return (
        jnp.where(predicted, own, mean),
        jnp.where(predicted, jnp.minimum(indexes, caps), indexes),
    )


def choose_modes(
    y: Float[Array, "b lh lw m"],
    mean: Float[Array, "b lh lw m"],
    indexes: Integer[Array, "b lh lw m"],
    sources: Float[Array, "b s lh lw m"],
    prices: Float[Array, "t n"],
    certain: Bool[Array, "t"],
) -> Integer[Array, "b lh lw"]:
    """The cheapest mode of each position, by its symbols' bits, the error left and its own."""

    def cost(mean, indexes):
        symbols = jnp.where(certain[indexes], 0, jnp.rint(y - mean))
        reach = jnp.minimum(jnp.abs(symbols), prices.shape[1] - 1).astype(jnp.int32)
        error = jnp.square(y - mean - symbols)
        return (prices[indexes.astype(jnp.int32), reach] + ERROR_WEIGHT * error).sum(-1)

    capped = [jnp.minimum(indexes, jnp.array(cap, indexes.dtype)) for cap in CAPS]
    predicted = [cost(source, some) for source in jnp.moveaxis(sources, 1, 0) for some in capped]
    return _settle(jnp.stack([cost(mean, indexes), *predicted], -1))


def _settle(costs: Float[Array, "b lh lw n"]) -> Integer[Array, "b lh lw"]:
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


def choose_kept(modes: Integer[Array, "b lh lw"], stride: int) -> Bool[Array, "b zh zw"]:
    """The positions of z, `stride` latents wide, all of whose latents are predicted: nothing asks
    for their mean, and their scale is capped."""
    batch, height, width = modes.shape
    rows, columns = -(-height // stride), -(-width // stride)
    edges = (0, 0), (0, rows * stride - height), (0, columns * stride - width)
    predicted = jnp.pad(modes > 0, edges, constant_values=True)
    return predicted.reshape(batch, rows, stride, columns, stride).all((2, 4))


def prices(tables: Tables) -> Float[np.ndarray, "t n"]:
    """What each table asks for a symbol of 0, +-1, +-2, ...; beyond its ends, about."""
    symbols, (low, high) = np.arange(_REACH), tables.ends(np.arange(len(tables.lengths)))
    beyond = np.maximum(symbols - high[:, None], 0)
    columns = np.where(beyond, tables.spans[:, None], symbols - low[:, None])
    bits = np.take_along_axis(tables.bits, np.minimum(columns, tables.bits.shape[1] - 1), 1)
    return (bits + np.where(beyond, 2 * np.log2(2 * np.maximum(beyond, 1)) + 1, 0)).astype(
        np.float32
    )
