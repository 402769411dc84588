"""The motion of cells that costs least: what it leaves of a frame, and what it takes to be told.

flow --- in whole or half pixels --- small steps, motion of cells beside --- squares that what is
around them foretells --- cells that move as one beside them --- squares again

For encoders alone, on the host. Bits are those of coding/vectors.py before it has learnt anything.
"""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
from kbvc_jax.models.codecs.motion.estimation import CELL, Frame, Way, Ways, grey

STEPS_A_PIXEL = 2  # of vectors
# Bits that a squared error is worth, from which on half pixels are; below, whole ones do.
HALVES = 1 / 250
BENT = 3.0  # bits that a pixel's difference from a cell beside it costs at first
MOST_BENT = 8.0  # pixels of it: an edge is one
SMALL = (4.0, 2.0, 1.0, 0.5)  # pixels
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))  # across, down
FURTHER = tuple((2 * across, 2 * down) for across, down in SIDES)
SQUARES = (1, 2, 4, 8, 16)  # half their sizes, in cells
SEEN = CELL // 2  # samples of a cell, each way: means of 2x2 pixels do, for a quarter of the work
FARTHEST = 80  # a difference that costs no more than this one

Grey = UInt8[np.ndarray, "h w"]
Vectors = Int32[np.ndarray, "2 n"]  # of all cells, row by row
OfCells = Float[np.ndarray, "n"]


def search(
    ways: Ways, references: Sequence[UInt[np.ndarray, "b h w 3"]], worth: float, dearer: float
) -> Int32[np.ndarray, "b mh mw c"]:
    """The motion (across, down) of each cell of frames to each reference, in STEPS_A_PIXEL; to the
    second as what it differs from the first one's, mirrored. `ways` by source frames, references
    decoded; `worth`: bits of a squared error of 1, of one of a pixel's three samples; a bit has to
    spare `dearer` times as much."""
    steps, price = STEPS_A_PIXEL if worth > HALVES else 1, dearer / (3 * worth)

    def of_frame(frame: tuple[Sequence[Way], Sequence[Frame]]) -> Int32[np.ndarray, "mh mw c"]:
        found, flows = list[Vectors](), [way[0].motion(way) for way in frame[0]]
        for way, flow, reference in zip(frame[0], flows, frame[1], strict=True):
            begun = np.ascontiguousarray(flow.reshape(-1, 2).T)
            base = -found[0] if found else np.zeros(begun.shape, np.int32)
            found.append(_Search(way[0].grey, grey(reference), steps, price, base).run(begun))
        return np.concatenate(found).T.reshape(*flows[0].shape[:2], -1)

    frames = zip(zip(*ways, strict=True), zip(*references, strict=True), strict=True)
    with ThreadPoolExecutor() as threads:
        found = np.stack(list(threads.map(of_frame, frames)))
    return found * (STEPS_A_PIXEL // steps)


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
        return (self.same > 0) | (self.apart[0] != 0) | (self.apart[1] != 0)


class _Search:
    def __init__(self, frame: Grey, reference: Grey, steps: int, price: float, base: Vectors):
        """`steps`: of a pixel; `price`: squared errors, of grey, that a bit costs; `base`: what
        vectors are added to."""
        self._steps, self._price, self._base = steps, price, base
        height, width = frame.shape
        self._rows, self._columns = rows, columns = height // CELL, width // CELL
        means = frame.reshape(height // 2, 2, width // 2, 2).mean((1, 3), dtype=np.float32)
        blocks = means.reshape(rows, SEEN, columns, SEEN).transpose(1, 3, 0, 2)
        self._source = blocks.reshape(SEEN, SEEN, -1)
        self._seen, self._size = _finer(reference, steps), (height * steps, width * steps)
        self._all = np.arange(rows * columns)
        self._y, self._x = np.divmod(self._all, columns)
        within = np.arange(0, CELL, CELL // SEEN)[:, None]
        self._down = (steps * (CELL * self._y + within)).astype(np.int32)
        self._across = (steps * (CELL * self._x + within)).astype(np.int32)
        self._passes = passes(rows, columns)
        self._around = np.zeros((4, rows * columns), np.int64)
        for cells, around in self._passes:
            self._around[:, cells] = around
        self._beside_of = {side: self._places(*side) for side in (*SIDES, *FURTHER)}

    def run(self, flow: Float[np.ndarray, "2 n"]) -> Vectors:
        begun = np.rint(self._steps * flow).astype(np.int32) - self._base
        vectors = self._settled(begun)
        field = self._measured(vectors, self._errors(self._all, vectors))
        field = self._foretold(field)
        for side in SIDES:
            for colour in range(4):
                field = self._beside(field, side, colour)
        field = self._foretold(field)
        nothing = self._moved(field, np.zeros_like(vectors))
        return self._better(field, nothing, np.ones(vectors.shape[1], bool)).vectors

    def _settled(self, vectors: Vectors) -> Vectors:
        """By small steps and by what is beside, one price for all that differs."""
        errors, price = self._errors(self._all, vectors), BENT * self._price

        def settle(other: Vectors) -> None:
            nonlocal vectors, errors
            around = [vectors.take(self._beside_of[side], 1) for side in SIDES]
            own = errors + self._changed(other, vectors, errors)
            bent = self._bent(other, around) - self._bent(vectors, around)
            better = own + price * bent < errors
            vectors, errors = np.where(better, other, vectors), np.where(better, own, errors)

        settle(np.zeros_like(vectors))
        for step in (round(self._steps * small) for small in SMALL):
            for side in SIDES if step else ():
                settle(vectors + step * np.array(side, np.int32)[:, None])
        for side in (*SIDES, *FURTHER):
            settle(vectors.take(self._beside_of[side], 1))
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
        other = field.vectors.take(self._beside_of[side], 1)
        own = 2 * (self._y % 2) + self._x % 2 == colour
        tried = self._moved(field, np.where(own, other, field.vectors))
        bits = tried.bits - field.bits
        of_others = np.bincount(
            self._around[:, 1:].ravel(), np.tile(bits[1:], 4), minlength=len(bits)
        )
        change = tried.errors - field.errors + self._price * (bits + of_others)
        return self._better(field, tried, own & (change < 0))

    def _between(self, field: _Field, cells: Bool[np.ndarray, "n"], half: int) -> _Field:
        """With these, of squares of twice so many cells, as they are foretold; others told as they
        were."""
        apart = np.where(cells, 0, field.apart)
        same = np.where(cells, 0, field.same)
        vectors = field.vectors.copy()
        for turn, around in self._passes[-2 * half.bit_length() :]:
            four, which = vectors.take(around, 1), same[turn]
            vectors[:, turn] = foretold(four)[0] + apart[:, turn]
            copied = np.flatnonzero(which)
            vectors[:, turn[copied]] = four[:, which[copied] - 1, copied]
        return self._moved(field, vectors)

    def _better(self, field: _Field, tried: _Field, cells: Bool[np.ndarray, "n"]) -> _Field:
        """With these cells of what was tried, if that is cheaper."""
        if not cells.any():
            return field
        vectors = np.where(cells, tried.vectors, field.vectors)
        other = self._measured(vectors, np.where(cells, tried.errors, field.errors))
        change = other.errors - field.errors + self._price * (other.bits - field.bits)
        return other if change.sum() < 0 else field

    def _moved(self, field: _Field, vectors: Vectors) -> _Field:
        """What is measured anew of a field by other vectors."""
        changed = self._changed(vectors, field.vectors, field.errors)
        return self._measured(vectors, field.errors + changed)

    def _measured(self, vectors: Vectors, errors: OfCells) -> _Field:
        four = vectors.take(self._around, 1)
        guess, kinds = foretold(four)
        same, apart = np.zeros(len(kinds), np.int64), vectors - guess
        prices, of_choice = _prices()
        each = prices.take(kinds * prices.shape[1] + np.minimum(np.abs(apart), FARTHEST))
        bits = each[0] + each[1]
        asked = np.flatnonzero(kinds >= CHOICE)
        chosen = same_as(
            vectors.take(asked, 1), four.take(asked, 2), guess.take(asked, 1), kinds[asked]
        )
        bits[asked] = of_choice[chosen] + np.where(chosen > 0, 0, bits[asked])
        same[asked] = chosen
        return _Field(vectors, errors, bits, apart, same)

    def _changed(self, vectors: Vectors, before: Vectors, errors: OfCells) -> OfCells:
        """By how much errors do."""
        differs = vectors != before
        change, cells = np.zeros_like(errors), np.flatnonzero(differs[0] | differs[1])
        change[cells] = self._errors(cells, vectors.take(cells, 1)) - errors[cells]
        return change

    def _errors(self, cells: Int64[np.ndarray, "n"], vectors: Vectors) -> OfCells:
        height, width = self._size
        across, down = vectors + self._base.take(cells, 1)
        down = np.clip(self._down.take(cells, 1) + down, 0, height - 1) * width
        across = np.clip(self._across.take(cells, 1) + across, 0, width - 1)
        left = self._seen.take(down[:, None] + across) - self._source.take(cells, 2)
        return (CELL // SEEN) ** 2 * np.square(left).sum((0, 1))

    def _bent(self, vectors: Vectors, around: Sequence[Vectors]) -> OfCells:
        """In pixels."""
        apart = [np.abs(vectors - other).sum(0) for other in around]
        return np.minimum(apart, MOST_BENT * self._steps).sum(0) / self._steps

    def _places(self, across: int, down: int) -> Int64[np.ndarray, "n"]:
        """Of the cell so far to the left and above; at the border of the last there is."""
        y = np.clip(self._y - down, 0, self._rows - 1)
        return y * self._columns + np.clip(self._x - across, 0, self._columns - 1)


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
