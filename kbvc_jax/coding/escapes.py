"""Values outside a table, as numbers with an Elias-gamma-like code.

number   = 2 x distance beyond the table's end + (1 if below it)
code     = exponent, by a table that halves from each exponent to the next, then that many bits
"""

import numpy as np
from jaxtyping import Float, Int, Int32, Int64

# Exponents 1 to 32 reach any int32 from any other.
_RARER = [max(2**14 >> step, 1) for step in range(31)]
EXPONENTS = np.array([2**16 - sum(_RARER), *_RARER], np.int32)


def to_numbers(
    values: Int[np.ndarray, "n"], lows: Int[np.ndarray, "n"], highs: Int[np.ndarray, "n"]
) -> Int64[np.ndarray, "n"]:
    values, below = values.astype(np.int64), values < lows
    return 2 * np.where(below, lows - values, values - highs) + below


def to_values(
    numbers: Int64[np.ndarray, "n"], lows: Int[np.ndarray, "n"], highs: Int[np.ndarray, "n"]
) -> Int64[np.ndarray, "n"]:
    distances, below = numbers >> 1, numbers & 1
    return np.where(below, lows - distances, highs + distances)


def exponents(numbers: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    return np.frexp(numbers.astype(np.float64))[1].astype(np.int64) - 1


def to_bits(numbers: Int64[np.ndarray, "n"]) -> Int32[np.ndarray, "bits"]:
    """All bits below each number's highest one, most significant first, number after number."""
    counts = exponents(numbers)
    return ((np.repeat(numbers, counts) >> _places(counts)) & 1).astype(np.int32)


def from_bits(
    bits: Int32[np.ndarray, "bits"], exponents: Int64[np.ndarray, "n"]
) -> Int64[np.ndarray, "n"]:
    numbers = np.int64(1) << exponents
    owners = np.repeat(np.arange(exponents.size), exponents)
    np.add.at(numbers, owners, bits.astype(np.int64) << _places(exponents))
    return numbers


def _places(counts: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "bits"]:
    """counts[0] - 1, ..., 1, 0, counts[1] - 1, ..."""
    return np.repeat(np.cumsum(counts), counts) - np.arange(counts.sum()) - 1


def bits(numbers: Int64[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    found = exponents(numbers)
    return 16 - np.log2(EXPONENTS[found - 1]) + found
