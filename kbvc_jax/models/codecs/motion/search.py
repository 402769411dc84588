"""The motion of cells that costs least: what it leaves of a frame, and what it takes to be told.

flow --- in whole or half pixels --- small steps, motion of cells beside --- squares that what is
around them foretells --- cells that move as one beside them --- squares again

For encoders alone, on the host. Bits are those of coding/vectors.py before it has learnt anything.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Int64, UInt, UInt8

from kbvc_jax.coding.vectors import (
    ACROSS,
    CHOICE,
    FIRST_SAME,
    REACH,
    first_counts,
    foretold,
    passes,
    same_as,
)
from kbvc_jax.models.codecs.contract import Ways
from kbvc_jax.models.codecs.motion.estimation import CELL, grey, towards

STEPS_A_PIXEL = 2  # of vectors
# Bits that a squared error is worth, from which on half pixels are; below, whole ones do.
HALVES = 1 / 250
# A bit of motion has to spare so many times the squared errors that a bit of y has to: most of
# what motion leaves is never coded, or taken from elsewhere. Tried out: docs/design.md.
DEARER = 25.0
BENT = 3.0  # bits that a pixel's difference from a cell beside it costs at first
MOST_BENT = 8.0  # pixels of it: an edge is one
SMALL = (4.0, 2.0, 1.0, 0.5)  # pixels
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))  # across, down
FURTHEST = (1, 2)  # cells, of those beside
SQUARES = (1, 2, 4, 8, 16)  # half their sizes, in cells
SEEN = CELL // 2  # samples of a cell, each way: means of 2x2 pixels do, for a quarter of the work
FARTHEST = 80  # a difference that costs no more than this one

Grey = UInt8[np.ndarray, "h w"]
Vectors = Int32[np.ndarray, "n 2"]  # of all cells, row by row
OfCells = Float[np.ndarray, "n"]


def search(
    frames: UInt[np.ndarray, "b h w 3"],
    references: Sequence[UInt[np.ndarray, "b h w 3"]],
    ways: Ways,
    worth: float,
) -> Int32[np.ndarray, "b mh mw c"]:
    """The motion (across, down) of each cell of frames to each reference, in STEPS_A_PIXEL; to the
    second as what it differs from the first one's, mirrored. `ways`: see estimation.py; `worth`:
    bits of a squared error of 1, of one of a pixel's three samples."""
    steps = STEPS_A_PIXEL if worth > HALVES else 1
    price, greys = DEARER / (3 * worth), [grey(frame) for frame in frames]
    found = list[Int32[np.ndarray, "b mh mw 2"]]()
    for reference, way in zip(references, ways, strict=True):
        flows = towards(frames, reference, way)
        mirrored = -found[0] if found else np.zeros(flows.shape, np.int32)
        rows = zip(greys, reference, flows, mirrored, strict=True)
        own = [
            _Search(frame, grey(seen), steps, price, base).run(flow)
            for frame, seen, flow, base in rows
        ]
        found.append(np.stack(own).reshape(flows.shape))
    return np.concatenate(found, -1) * (STEPS_A_PIXEL // steps)


class _Field(NamedTuple):
    """Of all cells."""

    vectors: Vectors
    errors: OfCells  # squared, that they leave
    bits: OfCells  # that they take
    apart: Vectors  # from what is foretold, as coding/vectors.py tells it
    same: Int64[np.ndarray, "n"]

    @property
    def told(self) -> Bool[np.ndarray, "n"]:
        """Whether there is anything to tell of a cell."""
        return (self.same > 0) | (self.apart[:, 0] != 0) | (self.apart[:, 1] != 0)


class _Search:
    def __init__(
        self,
        frame: Grey,
        reference: Grey,
        steps: int,
        price: float,
        base: Int32[np.ndarray, "mh mw 2"],
    ):
        """`steps`: of a pixel; `price`: squared errors, of grey, that a bit costs; `base`: what
        vectors are added to."""
        self._steps, self._price, self._base = steps, price, base.reshape(-1, 2)
        height, width = frame.shape
        self._rows, self._columns = height // CELL, width // CELL
        rows, columns = self._rows, self._columns
        means = frame.reshape(height // 2, 2, width // 2, 2).mean((1, 3), dtype=np.float32)
        blocks = means.reshape(rows, SEEN, columns, SEEN).swapaxes(1, 2)
        self._source = blocks.reshape(-1, SEEN, SEEN)
        self._seen, self._size = _finer(reference, steps), (height * steps, width * steps)
        places = np.arange(self._rows * self._columns)
        self._y, self._x = places // self._columns, places % self._columns
        within = np.arange(0, CELL, CELL // SEEN)
        self._down = (steps * (CELL * self._y[:, None] + within)).astype(np.int32)
        self._across = (steps * (CELL * self._x[:, None] + within)).astype(np.int32)
        self._passes = passes(self._rows, self._columns)
        self._around = np.zeros((len(places), 4), np.int64)
        for cells, around in self._passes:
            self._around[cells] = around

    def run(self, flow: Float[np.ndarray, "mh mw 2"]) -> Vectors:
        begun = np.rint(self._steps * flow).astype(np.int32).reshape(-1, 2) - self._base
        vectors = self._settled(begun)
        field = self._measured(vectors, self._errors(slice(None), vectors))
        field = self._foretold(field)
        for side in SIDES:
            for colour in range(4):
                field = self._beside(field, side, colour)
        field = self._foretold(field)
        nothing = self._moved(field, np.zeros_like(vectors))
        return self._better(field, nothing, np.ones(len(vectors), bool)).vectors

    def _settled(self, vectors: Vectors) -> Vectors:
        """By small steps and by what is beside, one price for all that differs."""
        errors = self._errors(slice(None), vectors)

        def settle(other: Vectors) -> None:
            nonlocal vectors, errors
            own = errors + self._changed(other, vectors, errors)
            price = BENT * self._price
            better = own + price * self._bent(other, vectors) < errors + price * self._bent(
                vectors, vectors
            )
            vectors = np.where(better[:, None], other, vectors)
            errors = np.where(better, own, errors)

        settle(np.zeros_like(vectors))
        for step in (round(self._steps * small) for small in SMALL):
            for side in SIDES if step else ():
                settle(vectors + step * np.array(side, np.int32))
        for cells in FURTHEST:
            for across, down in SIDES:
                settle(self._rolled(vectors, cells * across, cells * down))
        return vectors

    def _foretold(self, field: _Field) -> _Field:
        """Squares, small to large, within which nothing is told where that is cheaper."""
        for half in SQUARES:
            size = 2 * half
            y, x = self._y // size, self._x // size
            inside = (self._y % size > 0) | (self._x % size > 0)
            for colour in range(4):
                coloured = 2 * (y % 2) + x % 2 == colour
                own = coloured & inside
                if not (own & field.told).any():
                    continue
                tried = self._between(field, own, half)
                change = tried.errors - field.errors + self._price * (tried.bits - field.bits)
                pays = _windows(change.reshape(self._rows, self._columns), half) < 0
                taken = (coloured & pays[y, x]).reshape(self._rows, self._columns)
                field = self._better(field, tried, _wider(taken, half).ravel())
        return field

    def _beside(self, field: _Field, side: tuple[int, int], colour: int) -> _Field:
        """One cell of four takes what the one beside it has."""
        other = self._rolled(field.vectors, *side)
        own = 2 * (self._y % 2) + self._x % 2 == colour
        tried = self._moved(field, np.where(own[:, None], other, field.vectors))
        bits = tried.bits - field.bits
        of_others = np.bincount(
            self._around[1:].ravel(), np.repeat(bits[1:], 4), minlength=len(bits)
        )
        change = tried.errors - field.errors + self._price * (bits + of_others)
        return self._better(field, tried, own & (change < 0))

    def _between(self, field: _Field, cells: Bool[np.ndarray, "n"], half: int) -> _Field:
        """With these, of squares of twice so many cells, as they are foretold; others told as they
        were."""
        apart = np.where(cells[:, None], 0, field.apart)
        same = np.where(cells, 0, field.same)
        vectors = field.vectors.copy()
        for turn, around in self._passes[-2 * half.bit_length() :]:
            four, which = vectors[around], same[turn]
            vectors[turn] = foretold(four)[0] + apart[turn]
            copied = np.flatnonzero(which)
            vectors[turn[copied]] = four[copied, which[copied] - 1]
        return self._moved(field, vectors)

    def _better(self, field: _Field, tried: _Field, cells: Bool[np.ndarray, "n"]) -> _Field:
        """With these cells of what was tried, if that is cheaper."""
        if not cells.any():
            return field
        vectors = np.where(cells[:, None], tried.vectors, field.vectors)
        other = self._measured(vectors, np.where(cells, tried.errors, field.errors))
        change = other.errors - field.errors + self._price * (other.bits - field.bits)
        return other if change.sum() < 0 else field

    def _moved(self, field: _Field, vectors: Vectors) -> _Field:
        """What is measured anew of a field by other vectors."""
        changed = self._changed(vectors, field.vectors, field.errors)
        return self._measured(vectors, field.errors + changed)

    def _measured(self, vectors: Vectors, errors: OfCells) -> _Field:
        four = vectors[self._around]
        guess, kinds = foretold(four)
        same, apart = np.zeros(len(vectors), np.int64), vectors - guess
        far = np.minimum(np.abs(apart), FARTHEST)
        prices, of_choice = _prices()
        bits = prices[kinds, far[:, 0]] + prices[kinds, far[:, 1]]
        asked = np.flatnonzero(kinds >= CHOICE)
        chosen = same_as(vectors[asked], four[asked], guess[asked], kinds[asked])
        bits[asked] = of_choice[chosen] + np.where(chosen > 0, 0, bits[asked])
        same[asked] = chosen
        return _Field(vectors, errors, bits, apart, same)

    def _changed(self, vectors: Vectors, before: Vectors, errors: OfCells) -> OfCells:
        """By how much errors do."""
        change, cells = np.zeros(len(errors)), np.flatnonzero((vectors != before).any(1))
        change[cells] = self._errors(cells, vectors[cells]) - errors[cells]
        return change

    def _errors(self, cells: slice | np.ndarray, vectors: Vectors) -> OfCells:
        height, width = self._size
        vectors = vectors + self._base[cells]
        down = np.clip(self._down[cells] + vectors[:, 1:], 0, height - 1) * width
        across = np.clip(self._across[cells] + vectors[:, :1], 0, width - 1)
        left = self._seen.take(down[:, :, None] + across[:, None, :]) - self._source[cells]
        return (CELL // SEEN) ** 2 * np.einsum("nij,nij->n", left, left)

    def _bent(self, vectors: Vectors, around: Vectors) -> OfCells:
        """In pixels."""
        apart = [np.abs(vectors - self._rolled(around, *side)).sum(-1) for side in SIDES]
        return np.minimum(apart, MOST_BENT * self._steps).sum(0) / self._steps

    def _rolled(self, vectors: Vectors, across: int, down: int) -> Vectors:
        """Of the cell so far to the left and above; at the border the last there is."""
        y = np.clip(np.arange(self._rows) - down, 0, self._rows - 1)
        x = np.clip(np.arange(self._columns) - across, 0, self._columns - 1)
        return vectors[(y[:, None] * self._columns + x).ravel()]


def _windows(x: Float[np.ndarray, "mh mw"], half: int) -> Float[np.ndarray, "r c"]:
    """Sums over squares of twice so many cells and half as much around each."""
    sums = np.zeros((x.shape[0] + 1, x.shape[1] + 1))
    sums[1:, 1:] = x.cumsum(0).cumsum(1)
    begins = [np.arange(0, most, 2 * half) for most in x.shape]
    ends = [np.minimum(begin + 3 * half, most) for begin, most in zip(begins, x.shape, strict=True)]
    (top, left), (bottom, right) = [np.maximum(b - half, 0) for b in begins], ends
    top, bottom = top[:, None], bottom[:, None]
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]


def _wider(mask: Bool[np.ndarray, "mh mw"], by: int) -> Bool[np.ndarray, "mh mw"]:
    """And so many cells around."""
    wide = mask.copy()
    wide[by:] |= mask[:-by]
    wide[:-by] |= mask[by:]
    across = wide.copy()
    across[:, by:] |= wide[:, :-by]
    across[:, :-by] |= wide[:, by:]
    return across


def _finer(reference: Grey, steps: int) -> Float32[np.ndarray, "_"]:
    """Means of 2x2 pixels, their first one at bilinear samples, `steps` a pixel, row by row."""
    height, width = reference.shape
    wide = np.pad(reference.astype(np.float32), ((0, 2), (0, 2)), mode="edge")
    tall = wide[:-1] + wide[1:]
    padded = (tall[:, :-1] + tall[:, 1:]) / 4
    out = np.empty((height, steps, width, steps), np.float32)
    for down in range(steps):
        rows = padded[:-1] + down / steps * (padded[1:] - padded[:-1])
        for across in range(steps):
            out[:, down, :, across] = rows[:, :-1] + across / steps * (rows[:, 1:] - rows[:, :-1])
    return out.ravel()


@functools.cache
def _prices() -> tuple[Float[np.ndarray, "k d"], Float[np.ndarray, "5"]]:
    """Bits of a difference along an axis, by kind of surroundings; and of being none or one of the
    four around."""
    counts = first_counts()[::ACROSS]
    bits = -np.log2(counts / counts.sum(1, keepdims=True))
    near, beyond = bits[:, REACH:-1], bits[:, -1:]
    escaped = 1 + 2 * np.log2(np.arange(1, FARTHEST - REACH + 1))
    same = np.array(FIRST_SAME[:-1])
    return np.concatenate([near, beyond + escaped], 1), -np.log2(same / same.sum())
