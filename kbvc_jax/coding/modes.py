"""How each block of a frame is predicted: modes, coded row by row, each given the one above it.

Their probabilities are learnt as they come, in integers: the decoder learns the same ones.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int64

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.tables import Tables, bits_of_each, counted_tables
from kbvc_jax.runtime.errors import InputError

Modes = Int64[np.ndarray, "b h w"]
Counts = Sequence[int]  # of each mode before any has been seen
SAME = 16  # further, of the mode above
SEEN = 16  # what each mode seen adds


def encode_modes(encoder: SymbolEncoder, modes: Modes, first: Counts) -> None:
    """Modes below len(first), of the frames of a batch."""
    for row, above, tables in _walk(modes, first):
        encoder.encode(row, above, tables)


def decode_modes(decoder: SymbolDecoder, shape: tuple[int, int, int], first: Counts) -> Modes:
    modes, number = np.zeros(shape, np.int64), len(first)
    for row, above, tables in _walk(modes, first):
        row[:] = decoder.decode(above, tables)
        if not ((row >= 0) & (row < number)).all():
            raise InputError(f"damaged payload: a mode other than 0 to {number - 1}")
    return modes


def bits_of_each_mode(modes: Modes, first: Counts) -> Float[np.ndarray, "b h w"]:
    bits = [bits_of_each(row, above, tables) for row, above, tables in _walk(modes, first)]
    return np.reshape(bits, modes.shape)


def _walk(
    modes: Modes, first: Counts
) -> Iterator[tuple[Int64[np.ndarray, "w"], Int64[np.ndarray, "w"], Tables]]:
    """Each row, to be read or filled in, with the tables' indexes, which are the modes above, and
    the tables. Above the first row of a frame all is of a mode of its own."""
    number = len(first)
    counts = np.tile(np.array((*first, 0), np.int64), (number + 1, 1))  # and an escape, not used
    counts[:number, :number] += SAME * np.eye(number, dtype=np.int64)
    for frame in modes:
        above = np.full(frame.shape[1], number)
        for row in frame:
            yield row, above, counted_tables(counts, 0)
            np.add.at(counts, (above, row), SEEN)
            above = row
