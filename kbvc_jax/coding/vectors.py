"""Motion of cells, as vectors of integers, from coarse to fine: each foretold by four around it.

    (0, 0) --- the middle of each square, by its corners --- the middle of each side, by its ends
    and the middles beside it --- the same of squares half as large, until all cells are known

What a vector differs by from what is foretold is coded by how far the four are apart; down also by
how much it was across. Where they are far apart, at the border of what moves, it is told first
which of them it is the same as, if any. A field of even numbers is told by their halves.
Probabilities are learnt as they come, in integers, as in modes.py.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.tables import Tables, bits_of_each, counted_tables
from kbvc_jax.runtime.errors import InputError

Vectors = Int64[np.ndarray, "b h w c"]  # across and down, to each of n references
MOST = 2**14  # of a difference
APART = (1, 2, 3, 5, 9, 17, 33, 65)  # where the next kind of surroundings begins
_KIND = np.searchsorted(APART, np.arange(APART[-1] + 1), side="right")
# Of each kind, before any has been seen: by so many of 256 each difference is rarer than the last.
DECAY = (1, 5, 20, 45, 80, 120, 170, 210, 235)
CHOICE = 6  # from this kind on a vector may be the same as one of the four
FIRST_SAME = (128, 32, 32, 32, 32, 0)  # how often none and each of the four counts as seen at first
REACH = 15  # differences beyond it are escaped
WIDTH = 2 * REACH + 2
ACROSS = 3  # kinds by the difference across
SEEN, BEFORE = 32, 512  # what each difference adds, and what is there at first
EVEN_OR_ODD = (1, 1, 0)
TURNS = 2  # of a pass: after each its counts are brought up to date
LEAST = 384  # cells of a turn


class Turn(NamedTuple):
    """Cells that are coded together, of a flattened field, and the four around each."""

    cells: Int64[np.ndarray, "n"]
    around: Int64[np.ndarray, "4 n"]


@functools.cache
def passes(height: int, width: int) -> tuple[Turn, ...]:
    """All cells but the first, coarse to fine."""
    found, step = list[Turn](), 1 << max(height - 1, width - 1, 0).bit_length() >> 1
    while step:
        middles = (step, step), [(a, b) for a in (-step, step) for b in (-step, step)]
        sides = [(-step, 0), (step, 0), (0, -step), (0, step)]
        for own in ([middles], [((0, step), sides), ((step, 0), sides)]):
            found.append(_joined([_cells(height, width, step, *part) for part in own]))
        step //= 2
    return tuple(turn for turn in found if turn.cells.size)


@functools.cache
def turns(height: int, width: int) -> tuple[Turn, ...]:
    """The same, in parts."""
    found = list[Turn]()
    for whole in passes(height, width):
        size = max(LEAST, -(-len(whole.cells) // TURNS))
        parts = range(0, len(whole.cells), size)
        found += [Turn(*(x[..., start : start + size] for x in whole)) for start in parts]
    return tuple(found)


def _cells(
    height: int, width: int, step: int, first: tuple[int, int], around: list[tuple[int, int]]
) -> Turn:
    """Every other one of a grid of `step`, from `first` on. Where there is none beyond the border
    stands the one on the other side or, where that is not there either, the one before."""
    y, x = np.meshgrid(
        np.arange(first[0], height, 2 * step), np.arange(first[1], width, 2 * step), indexing="ij"
    )
    cells = np.stack([y.ravel(), x.ravel()])[:, None]
    by = np.array(around, np.int64).T[:, :, None]
    size = np.array([height, width])[:, None, None]
    seen = cells - np.array(first)[:, None, None]  # always there
    for there in (cells - by, cells + by):
        seen = np.where(((there >= 0) & (there < size)).all(0), there, seen)
    (rows, columns), (y, x) = seen, cells[:, 0]
    return Turn(y * width + x, rows * width + columns)


def _joined(parts: list[Turn]) -> Turn:
    """Row by row."""
    cells, around = (np.concatenate(own, -1) for own in zip(*parts, strict=True))
    order = np.argsort(cells)
    return Turn(cells[order], around[:, order])


def foretold(around: Any) -> tuple[Any, Any]:
    """By vectors (2, 4, n) of integers the one between each four, and their kind of surroundings;
    of NumPy's arrays or JAX's."""
    xp = around.__array_namespace__()
    one, two, three, four = (around[:, n] for n in range(4))
    lower, upper = xp.minimum(one, two), xp.maximum(one, two)
    least, most = xp.minimum(three, four), xp.maximum(three, four)
    second, third = xp.maximum(lower, least), xp.minimum(upper, most)  # in either order
    widest = xp.maximum(upper, most) - xp.minimum(lower, least)
    apart = widest + 3 * xp.abs(third - second)
    apart = xp.minimum((apart[0] + apart[1]) >> 1, APART[-1])
    return (second + third + 1) >> 1, xp.take(xp.asarray(_KIND), apart, 0)


def same_as(vectors: Any, around: Any, guess: Any, kinds: Any) -> Any:
    """1 + the number of the first of the four (2, 4, n) that each vector (2, n) is told to be,
    or 0."""
    xp = around.__array_namespace__()
    same = around == vectors[:, None]
    same, differs = same[0] & same[1], vectors != guess
    told = (kinds >= CHOICE) & same.any(0) & (differs[0] | differs[1])
    return xp.where(told, 1 + same.argmax(0), 0)


def first_counts() -> Int64[np.ndarray, "k w"]:
    """By kind, of differences from -REACH to REACH and of those beyond."""
    rows = []
    for decay in DECAY:
        falls = [1 << 24]
        for _ in range(REACH + 1):
            falls.append(falls[-1] * decay >> 8)
        *near, beyond = falls
        row = np.array([*near[:0:-1], *near, 2 * beyond], np.int64)
        rows.append(1 + BEFORE * row // row.sum())
    return np.repeat(rows, ACROSS, 0)


# Its own vector, still 0, stands for those that would be around it.
_FIRST = Turn(np.zeros(1, np.int64), np.zeros((4, 1), np.int64))


class _Part(NamedTuple):
    """What is coded at once, and by which tables. A decoder fills `symbols` in."""

    frame: int
    cells: Int64[np.ndarray, "n"]
    symbols: Int64[np.ndarray, "n"]
    ends: tuple[int, int]  # the least and the most that a symbol can be
    kinds: Int64[np.ndarray, "n"]
    tables: Tables


def _walk(vectors: Vectors) -> Iterator[_Part]:
    """Fills in what is not known yet; the fields of a frame one after another."""
    height, width = vectors.shape[1:3]
    counts = np.stack([first_counts()] * 2)
    same_counts = np.tile(np.array(FIRST_SAME, np.int64), (len(DECAY) - CHOICE, 1))
    whole = np.zeros(1, np.int64)
    for frame, told in _fields(vectors):
        odd = np.array([(told & 1).any()], np.int64)
        tables = counted_tables(np.array([EVEN_OR_ODD]), 0)
        yield _Part(frame, whole, odd, (0, 1), whole, tables)
        step = 2 - odd[0]
        wanted, field = told // step, np.zeros_like(told)
        for cells, around in (_FIRST, *turns(height, width)):
            four = field[:, around]
            guess, kinds = foretold(four)
            same = same_as(wanted[:, cells], four, guess, kinds)
            asked = np.flatnonzero(kinds >= CHOICE)
            if asked.size:
                own, by = same[asked], kinds[asked] - CHOICE
                yield _Part(frame, cells[asked], own, (0, 4), by, counted_tables(same_counts, 0))
                np.add.at(same_counts, (by, own), SEEN)
                same[asked] = own
                known = asked[own > 0]
                field[:, cells[known]] = four[:, same[known] - 1, known]
            left = np.flatnonzero(same == 0)
            cells, guess, kinds = cells[left], guess[:, left], kinds[left]
            across = np.zeros(len(left), np.int64)
            for axis in range(2):
                by, apart = ACROSS * kinds + across, wanted[axis, cells] - guess[axis]
                yield _Part(
                    frame, cells, apart, (-MOST, MOST), by, counted_tables(counts[axis], -REACH)
                )
                field[axis, cells] = guess[axis] + apart
                columns = np.where(np.abs(apart) <= REACH, apart + REACH, WIDTH - 1)
                np.add.at(counts[axis], (by, columns), SEEN)
                across = np.minimum(np.abs(apart), ACROSS - 1)
        told[:] = step * field


def _fields(vectors: Vectors) -> Iterator[tuple[int, Int64[np.ndarray, "2 hw"]]]:
    """And the numbers of their frames."""
    for number, frame in enumerate(vectors):
        of_cells = frame.reshape(-1, frame.shape[-1]).T
        for field in np.split(of_cells, frame.shape[-1] // 2):
            yield number, field


def encode_vectors(encoder: SymbolEncoder, vectors: Vectors) -> None:
    """Of the frames of a batch."""
    for part in _walk(vectors):
        encoder.encode(part.symbols, part.kinds, part.tables)


def decode_vectors(decoder: SymbolDecoder, shape: tuple[int, ...]) -> Vectors:
    vectors = np.zeros(shape, np.int64)
    for part in _walk(vectors):
        part.symbols[:] = decoder.decode(part.kinds, part.tables)
        least, most = part.ends
        if not ((part.symbols >= least) & (part.symbols <= most)).all():
            raise InputError("damaged payload: motion further than there is any")
    return vectors


def bits_of_each_vector(vectors: Vectors) -> Float[np.ndarray, "b h w"]:
    bits = np.zeros((len(vectors), vectors[0, ..., 0].size))
    for part in _walk(vectors):
        bits[part.frame, part.cells] += bits_of_each(part.symbols, part.kinds, part.tables)
    return bits.reshape(vectors.shape[:3])
