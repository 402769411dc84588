"""Values outside a table, as numbers with an Elias-gamma-like code.

number   = 2 x distance beyond the table's end + (1 if below it)
code     = exponent, by a table that halves from each exponent to the next, then that many bits
"""

import numpy as np
from numpy.typing import NDArray

# Exponents 1 to 32 reach any int32 from any other.
_RARER = [max(2**14 >> step, 1) for step in range(31)]
EXPONENTS = np.array([2**16 - sum(_RARER), *_RARER], np.int32)


def to_numbers(values: NDArray, lows: NDArray, highs: NDArray) -> NDArray[np.int64]:
    values, below = values.astype(np.int64), values < lows
    return 2 * np.where(below, lows - values, values - highs) + below


def to_values(numbers: NDArray[np.int64], lows: NDArray, highs: NDArray) -> NDArray[np.int64]:
    distances, below = numbers >> 1, numbers & 1
    return np.where(below, lows - distances, highs + distances)


def exponents(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.frexp(numbers.astype(np.float64))[1].astype(np.int64) - 1


def to_bits(numbers: NDArray[np.int64]) -> NDArray[np.int32]:
    """All bits below each number's highest one, most significant first, number after number."""
    counts = exponents(numbers)
    return ((np.repeat(numbers, counts) >> _places(counts)) & 1).astype(np.int32)


def from_bits(bits: NDArray[np.int32], exponents: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers = np.int64(1) << exponents
    owners = np.repeat(np.arange(exponents.size), exponents)
    np.add.at(numbers, owners, bits.astype(np.int64) << _places(exponents))
    return numbers


def _places(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """counts[0] - 1, ..., 1, 0, counts[1] - 1, ..."""
    return np.repeat(np.cumsum(counts), counts) - np.arange(counts.sum()) - 1


def bits(numbers: NDArray[np.int64]) -> float:
    found = exponents(numbers)
    return float((16 - np.log2(EXPONENTS[found - 1]) + found).sum())
