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
MODES = 1 + len(CAPS) * SOURCES
ERROR_WEIGHT = 6 / math.log(2)  # bits worth a squared error of 1: what a rounded symbol trades
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
    """The cheapest mode of each position, by its symbols' bits and the error left; twice, because
    what a mode costs depends on how many others have it."""

    def cost(mean, indexes):
        symbols = jnp.where(certain[indexes], 0, jnp.rint(y - mean))
        reach = jnp.minimum(jnp.abs(symbols), prices.shape[1] - 1).astype(jnp.int32)
        error = jnp.square(y - mean - symbols)
        return (prices[indexes.astype(jnp.int32), reach] + ERROR_WEIGHT * error).sum(-1)

    capped = [jnp.minimum(indexes, jnp.array(cap, indexes.dtype)) for cap in CAPS]
    predicted = [cost(source, some) for source in jnp.moveaxis(sources, 1, 0) for some in capped]
    costs = jnp.stack([cost(mean, indexes), *predicted], -1)
    number = costs.shape[-1]
    chosen = jnp.argmin(costs, -1)
    shares = (jax.nn.one_hot(chosen, number).sum((0, 1, 2)) + 1) / (chosen.size + number)
    return jnp.argmin(costs - jnp.log2(shares), -1)


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
