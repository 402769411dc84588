"""A latent to symbols: the nearest integer, or the next one towards zero where that costs less.

Bits say what a smaller symbol saves, and a weight what its error costs. Errors towards zero are all
alike, and a decoder shows more of them than of as many random ones: so the weights are far above
what its gradient says of one alone.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from kbvc_jax.coding.tables import Tables, gaussian_tables
from kbvc_jax.ops.densities import scale_table
from kbvc_jax.ops.lookup import entries

_REACH = 32  # symbols that have a price


class Prices(NamedTuple):
    """What tables ask."""

    bits: Float[Array | np.ndarray, "t n"]  # for a symbol of 0, +-1, +-2, ...
    certain: Bool[Array | np.ndarray, "t"]  # those that hold nothing but 0

    @classmethod
    def of(cls, tables: Tables) -> "Prices":
        """Beyond a table's ends, about."""
        symbols, (low, high) = np.arange(_REACH), tables.ends(np.arange(len(tables.lengths)))
        beyond = np.maximum(symbols - high[:, None], 0)
        columns = np.where(beyond, tables.spans[:, None], symbols - low[:, None])
        bits = np.take_along_axis(tables.bits, np.minimum(columns, tables.bits.shape[1] - 1), 1)
        bits += np.where(beyond, 2 * np.log2(2 * np.maximum(beyond, 1)) + 1, 0)
        return cls(bits.astype(np.float32), tables.lengths == 1)


@functools.cache
def gaussian_prices() -> Prices:
    """Of the tables that every model has."""
    return Prices.of(gaussian_tables(scale_table().tolist()))


def bits_of(
    symbols: Float[Array, "*s"], indexes: Integer[Array, "*s"], prices: Prices
) -> Float[Array, "*s"]:
    bits, reach = jnp.asarray(prices.bits), prices.bits.shape[1]
    column = jnp.minimum(jnp.abs(symbols), reach - 1).astype(jnp.int32)
    return entries(bits.ravel(), reach * indexes.astype(jnp.int32) + column)


def symbols_of(
    exact: Float[Array, "*s"],
    indexes: Integer[Array, "*s"],
    prices: Prices,
    weight: float | None,
) -> Float[Array, "*s"]:
    """Without a weight the nearest. Where a table makes 0 certain, nothing else can be coded."""

    symbols = jnp.rint(exact)
    if weight is not None:

        def cost(symbols: Float[Array, "*s"]) -> Float[Array, "*s"]:
            return bits_of(symbols, indexes, prices) + weight * jnp.square(exact - symbols)

        smaller = symbols - jnp.sign(symbols)
        symbols = jnp.where(cost(smaller) < cost(symbols), smaller, symbols)
    return jnp.where(entries(jnp.asarray(prices.certain), indexes), 0, symbols)
