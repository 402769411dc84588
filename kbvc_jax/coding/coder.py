"""The entropy coder: symbols grouped by table, then a range coder.

Each call codes its symbols table by table, in their own order within a table, then what escaped.
"""

import functools
import itertools

import numpy as np
from jaxtyping import Int, Int32, Int64, Integer

from kbvc_jax.coding import escapes
from kbvc_jax.coding.range_coder import RangeDecoder, RangeEncoder, exact_model
from kbvc_jax.coding.tables import Tables
from kbvc_jax.runtime.errors import InputError

_INT32 = np.iinfo(np.int32)


class SymbolEncoder:
    """Codes symbols, call after call, into one stream."""

    def __init__(self):
        self._coder = RangeEncoder()

    def encode(
        self, symbols: Int[np.ndarray, "n"], indexes: Integer[np.ndarray, "n"], tables: Tables
    ) -> None:
        """Codes each symbol by the table that its index names."""
        symbols = np.asarray(symbols, np.int32)
        columns, escaped = tables.columns(symbols, indexes)
        order, parts = _grouped(indexes, tables)
        columns = columns[order]
        for table, part in parts:
            if (model := tables.model(table)) is not None:
                self._coder.encode(columns[part], model)
        if escaped.any():
            where = order[escaped[order]]
            numbers = escapes.to_numbers(symbols[where], *tables.ends(indexes[where]))
            by_exponent, by_bit = _escape_models()
            self._coder.encode((escapes.exponents(numbers) - 1).astype(np.int32), by_exponent)
            self._coder.encode(escapes.to_bits(numbers), by_bit)

    def finish(self) -> bytes:
        return self._coder.finish()


class SymbolDecoder:
    """Gives back what a SymbolEncoder coded, by the same indexes and tables in the same order."""

    def __init__(self, data: bytes):
        self._coder = RangeDecoder(data)

    def decode(self, indexes: Integer[np.ndarray, "n"], tables: Tables) -> Int32[np.ndarray, "n"]:
        order, parts = _grouped(indexes, tables)
        columns = np.zeros(order.size, np.int32)
        for table, part in parts:
            if (model := tables.model(table)) is not None:
                columns[part] = self._coder.decode(model, part.stop - part.start)
        sorted_indexes = indexes[order]
        values = columns + tables.offsets[sorted_indexes]
        escaped = columns == tables.spans[sorted_indexes]
        if escaped.any():
            values[escaped] = self._escaped(*tables.ends(sorted_indexes[escaped]))
        symbols = np.empty_like(values)
        symbols[order] = values
        return symbols

    def _escaped(
        self, lows: Int64[np.ndarray, "n"], highs: Int64[np.ndarray, "n"]
    ) -> Int64[np.ndarray, "n"]:
        by_exponent, by_bit = _escape_models()
        exponents = self._coder.decode(by_exponent, lows.size).astype(np.int64) + 1
        bits = self._coder.decode(by_bit, int(exponents.sum()))
        values = escapes.to_values(escapes.from_bits(bits, exponents), lows, highs)
        if values.min() < _INT32.min or values.max() > _INT32.max:
            raise InputError("damaged payload: a symbol beyond 32 bits")
        return values


def _grouped(
    indexes: Integer[np.ndarray, "n"], tables: Tables
) -> tuple[Int64[np.ndarray, "n"], list[tuple[int, slice]]]:
    """An order of positions, stable, in which each table's are together; and each table's slice."""
    number = len(tables.lengths)
    # numpy sorts small integers by radix.
    order = np.argsort(indexes.astype(np.min_scalar_type(number)), kind="stable")
    stops = np.cumsum(np.bincount(indexes, minlength=number)).tolist()
    parts = [(table, slice(*ends)) for table, ends in enumerate(itertools.pairwise([0, *stops]))]
    return order, [(table, part) for table, part in parts if part.start < part.stop]


@functools.cache
def _escape_models():
    return exact_model(escapes.EXPONENTS), exact_model(np.array([2**15, 2**15]))
