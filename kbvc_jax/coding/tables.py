"""Probability tables in integers: what ships with a model and chooses every probability.

A table covers the symbols offset, offset + 1, ...; its last column is the escape, for all others. A
table of one column makes its symbol certain: it costs nothing, and nothing else can be coded by it.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, Int32, Int64, Integer

from kbvc_jax.coding import escapes
from kbvc_jax.coding.range_coder import PRECISION, Model, exact_model
from kbvc_jax.runtime.errors import InputError

TOTAL = 1 << PRECISION


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """Frequencies are padded with zeros behind each row's length; each row sums to TOTAL."""

    frequencies: Int32[np.ndarray, "t w"]
    offsets: Int32[np.ndarray, "t"]  # the symbol of column 0
    lengths: Int32[np.ndarray, "t"]

    def __post_init__(self):
        columns = np.arange(self.frequencies.shape[-1])
        used = columns < self.lengths[:, None]
        if not (np.array_equal(self.frequencies > 0, used) and used[:, :1].all()):
            raise InputError(
                "probability tables: every frequency within the length must be above 0"
            )
        if not np.array_equal(self.frequencies.sum(1, dtype=np.int64), [TOTAL] * len(used)):
            raise InputError(f"probability tables: every table must sum to {TOTAL}")

    def with_certain(self) -> "Tables":
        """And one more, under which nothing but 0 is sent."""
        row = np.zeros((1, self.frequencies.shape[1]), np.int32)
        row[0, 0] = TOTAL
        return Tables(
            np.concatenate([self.frequencies, row]),
            np.append(self.offsets, np.int32(0)),
            np.append(self.lengths, np.int32(1)),
        )

    @functools.cached_property
    def _models(self) -> dict[int, Model]:
        return {}

    def model(self, table: int) -> Model | None:
        """Made when first asked for: a stream uses few. None where the symbol is certain."""
        if self.lengths[table] == 1:
            return None
        if table not in self._models:
            row = self.frequencies[table, : self.lengths[table]]
            self._models[table] = exact_model(row)
        return self._models[table]

    @functools.cached_property
    def spans(self) -> Int32[np.ndarray, "t"]:
        """How many symbols each table can code without an escape."""
        return np.maximum(self.lengths - 1, 1)

    def columns(
        self, symbols: Int32[np.ndarray, "n"], indexes: Integer[np.ndarray, "n"]
    ) -> tuple[Int32[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
        """Each symbol's column, and which are escaped."""
        columns, spans = symbols - self.offsets[indexes], self.spans[indexes]
        # As unsigned numbers, negative columns are large.
        escaped = columns.view(np.uint32) >= spans.view(np.uint32)
        if (self.lengths[indexes[escaped]] == 1).any():
            raise ValueError("a symbol other than the certain one; see clamp_certain")
        columns[escaped] = spans[escaped]
        return columns, escaped

    def ends(
        self, indexes: Integer[np.ndarray, "n"]
    ) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
        """The lowest and the highest symbol of tables."""
        lows = self.offsets[indexes].astype(np.int64)
        return lows, lows + self.spans[indexes] - 1

    @functools.cached_property
    def bits(self) -> Float[np.ndarray, "t w"]:
        """The price of each column."""
        return PRECISION - np.log2(np.maximum(self.frequencies, 1))


def tables_from_pmf(pmfs: Sequence[Float[np.ndarray, "_"]], offsets: Sequence[int]) -> Tables:
    """A table for each probability mass function; what it lacks to 1 goes to the escape."""
    return _pack([quantise_pmf(np.append(pmf, max(1 - pmf.sum(), 0.0))) for pmf in pmfs], offsets)


class _Counted(Tables):
    """Many are made for each picture, and what makes them sums to TOTAL."""

    def __post_init__(self):
        pass


def counted_tables(counts: Int64[np.ndarray, "t w"], offset: int) -> Tables:
    """Shares of TOTAL by how often symbols from `offset` on, and the escape, have been seen; each
    at least 1. The likeliest has the rest."""
    number, width = counts.shape
    frequencies = 1 + counts * (TOTAL - width) // counts.sum(1, keepdims=True)
    frequencies[np.arange(number), counts.argmax(1)] += TOTAL - frequencies.sum(1)
    offsets, lengths = np.full(number, offset, np.int32), np.full(number, width, np.int32)
    return _Counted(frequencies.astype(np.int32), offsets, lengths)


def gaussian_tables(scales: Sequence[float], tail: float = 2.0**-PRECISION) -> Tables:
    """Zero-mean Gaussians integrated over unit bins, cut where `tail` is left outside both ends.

    Where less than `tail` lies outside the bin of 0, that symbol is certain.
    """
    rows, offsets = [], []
    for scale in scales:
        outside = [_above(0.5, scale)]
        while 2 * outside[-1] > tail:
            outside.append(_above(len(outside) + 0.5, scale))
        half = -np.diff(outside)
        centre = 1 - 2 * outside[0]
        pmf = np.concatenate([half[::-1], [centre], half, [2 * outside[-1]]])
        rows.append(quantise_pmf(pmf) if half.size else np.array([TOTAL]))
        offsets.append(-half.size)
    return _pack(rows, offsets)


def _above(x: float, scale: float) -> float:
    return math.erfc(x / (scale * math.sqrt(2))) / 2


def quantise_pmf(pmf: Float[np.ndarray, "w"]) -> Int64[np.ndarray, "w"]:
    """Frequencies of at least 1 that sum to TOTAL, at the least expected cost in bits."""
    pmf = np.maximum(pmf, 0) / np.maximum(pmf, 0).sum()
    if pmf.size > TOTAL:
        raise InputError(f"probability table of {pmf.size} symbols; at most {TOTAL} fit")
    frequencies = np.maximum(np.floor(pmf * TOTAL).astype(np.int64), 1)
    while True:
        gain, loss = pmf * np.log1p(1 / frequencies), np.full(pmf.size, np.inf)
        np.multiply(-pmf, np.log1p(-1 / np.maximum(frequencies, 2)), loss, where=frequencies > 1)
        best, worst = np.argmax(gain), np.argmin(loss)
        missing = TOTAL - frequencies.sum()
        if missing == 0 and gain[best] <= loss[worst] * (1 + 1e-9):
            return frequencies
        frequencies[best] += missing >= 0
        frequencies[worst] -= missing <= 0


def _pack(rows: Sequence[Int64[np.ndarray, "_"]], offsets: Sequence[int]) -> Tables:
    lengths = np.array([len(row) for row in rows], np.int32)
    frequencies = np.zeros((len(rows), lengths.max()), np.int32)
    for padded, row in zip(frequencies, rows, strict=True):
        padded[: len(row)] = row
    return Tables(frequencies, np.array(offsets, np.int32), lengths)


def clamp_certain(
    symbols: Int[np.ndarray, "*n"], indexes: Integer[np.ndarray, "*n"], tables: Tables
) -> Int[np.ndarray, "*n"]:
    """Symbols with those of certain tables replaced by what alone can be coded there."""
    return np.where((tables.lengths == 1)[indexes], tables.offsets[indexes], symbols)


def symbol_bits(
    symbols: Int[np.ndarray, "n"], indexes: Integer[np.ndarray, "n"], tables: Tables
) -> float:
    """What the symbols cost by the tables, escapes included."""
    return float(bits_of_each(symbols, indexes, tables).sum())


def bits_of_each(
    symbols: Int[np.ndarray, "n"], indexes: Integer[np.ndarray, "n"], tables: Tables
) -> Float[np.ndarray, "n"]:
    symbols = np.asarray(symbols, np.int32)
    columns, escaped = tables.columns(symbols, indexes)
    numbers = escapes.to_numbers(symbols[escaped], *tables.ends(indexes[escaped]))
    bits = tables.bits[indexes, columns]
    bits[escaped] += escapes.bits(numbers)
    return bits
