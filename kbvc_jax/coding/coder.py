"""The entropy coder: symbols grouped by table, then a range coder.

Each call codes its symbols table by table (in their own order within a table), then what was escaped.
"""

import functools

import constriction
import numpy as np
from numpy.typing import NDArray

from kbvc_jax.coding import escapes
from kbvc_jax.coding.tables import Tables, exact_model
from kbvc_jax.errors import InputError

_LIMITS = np.iinfo(np.int32)


class SymbolEncoder:
    """Codes symbols, call after call, into one stream."""

    def __init__(self):
        self._coder = constriction.stream.queue.RangeEncoder()

    def encode(self, symbols: NDArray, indexes: NDArray, tables: Tables) -> None:
        """Codes each symbol by the table that its index names."""
        groups = _Groups(indexes, tables)
        values = np.asarray(symbols, np.int32).take(groups.order)
        columns = values - groups.spread(tables.offsets)
        last = groups.spread(tables.lengths - 1)
        outside = (columns < 0) | (columns >= last)
        columns[outside] = last[outside]
        for model, part in groups.parts:
            if model is not None:
                self._coder.encode(columns[part], model)
            elif (values[part] != tables.offsets[indexes[groups.order[part.start]]]).any():
                raise ValueError("a symbol other than the certain one; see clamp_certain")
        escaped = np.flatnonzero(outside & (last > 0))
        if escaped.size:
            numbers = escapes.to_numbers(values[escaped], *groups.ends(escaped))
            by_exponent, by_bit = _escape_models()
            self._coder.encode((escapes.exponents(numbers) - 1).astype(np.int32), by_exponent)
            self._coder.encode(escapes.to_bits(numbers), by_bit)

    def finish(self) -> bytes:
        """The stream: the shortest number in the coder's final interval, without trailing zeros."""
        position, (lower, width) = self._coder.pos()
        words = self._coder.get_compressed()[:position].astype(">u4").tobytes()
        bits = next(b for b in range(64, -1, -8) if -(-lower >> b) << b < lower + width)
        tail = -(-lower >> bits) << bits
        # The coder ends on a number of its own; where that lies beyond 2^64 it has carried already.
        carry = (tail >> 64) - ((lower + 2**32 - 1) >> 64)
        number = ((int.from_bytes(words, "big") + carry) << 64) + (tail & (2**64 - 1))
        return number.to_bytes(len(words) + 8, "big").rstrip(b"\0")


class SymbolDecoder:
    """Gives back what a SymbolEncoder coded, by the same indexes and tables in the same order."""

    def __init__(self, data: bytes):
        words = np.frombuffer(data + bytes(-len(data) % 4), ">u4")
        self._coder = constriction.stream.queue.RangeDecoder(words.astype(np.uint32))

    def decode(self, indexes: NDArray, tables: Tables) -> NDArray[np.int32]:
        groups = _Groups(indexes, tables)
        columns = np.zeros(groups.order.size, np.int32)
        for model, part in groups.parts:
            if model is not None:
                columns[part] = self._read(model, part.stop - part.start)
        values = columns + groups.spread(tables.offsets)
        last = groups.spread(tables.lengths - 1)
        escaped = np.flatnonzero((columns == last) & (last > 0))
        if escaped.size:
            values[escaped] = self._escaped(*groups.ends(escaped))
        symbols = np.empty_like(values)
        symbols[groups.order] = values
        return symbols

    def _escaped(self, lows: NDArray, highs: NDArray) -> NDArray[np.int64]:
        by_exponent, by_bit = _escape_models()
        exponents = self._read(by_exponent, lows.size).astype(np.int64) + 1
        numbers = escapes.from_bits(self._read(by_bit, int(exponents.sum())), exponents)
        values = escapes.to_values(numbers, lows, highs)
        if values.min() < _LIMITS.min or values.max() > _LIMITS.max:
            raise InputError("damaged payload: a symbol beyond 32 bits")
        return values

    def _read(self, model: constriction.stream.model.Categorical, count: int) -> NDArray[np.int32]:
        try:
            return self._coder.decode(model, count)
        except AssertionError:
            raise InputError("damaged payload: it is no output of the range coder") from None


class _Groups:
    """Positions sorted by table, stably."""

    def __init__(self, indexes: NDArray, tables: Tables):
        self._tables, number = tables, len(tables.lengths)
        # numpy sorts small integers by radix.
        self.order = np.argsort(indexes.astype(np.min_scalar_type(number)), kind="stable")
        self._counts = np.bincount(indexes, minlength=number)
        stops = np.cumsum(self._counts)
        self.parts = [
            (tables.models[t], slice(int(stops[t] - self._counts[t]), int(stops[t])))
            for t in np.flatnonzero(self._counts)
        ]

    def spread(self, by_table: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.repeat(by_table, self._counts)

    def ends(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The lowest and highest symbol that the table at each sorted position holds."""
        stops = np.cumsum(self._counts)
        tables = np.searchsorted(stops, positions, side="right")
        lows = self._tables.offsets[tables].astype(np.int64)
        return lows, lows + self._tables.lengths[tables] - 2


@functools.cache
def _escape_models():
    return exact_model(escapes.EXPONENTS), exact_model([2**15, 2**15])
