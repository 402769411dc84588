"""Hierarchical B-frames (Figure 4): which frame is coded when, and from what."""

from fractions import Fraction
from typing import NamedTuple

GOP_LENGTHS = (1, 2, 4, 8, 16, 32)
MAX_GOP = 32
PAPER_DEPTHS = 3  # of B-frames, in a group of 8


class BFrame(NamedTuple):
    """A B-frame of a group of pictures; times are relative to the opening I-frame at 0."""

    time: int
    previous: int
    following: int

    @property
    def distance(self) -> int:
        """From one reference to the other."""
        return self.following - self.previous

    @property
    def distances(self) -> tuple[int, int]:
        """To both references."""
        return self.time - self.previous, self.following - self.time

    @property
    def ways(self) -> tuple[range, range]:
        """The times from its own to either reference's."""
        return range(self.time, self.previous - 1, -1), range(self.time, self.following + 1)

    @property
    def is_leaf(self) -> bool:
        """No other frame refers to it."""
        return self.distance == 2

    @property
    def level(self) -> int:
        """Which of the paper's lambdas applies: 1 for inner B-frames, 2 for leaves."""
        return 2 if self.is_leaf else 1


def hierarchy(length: int) -> list[list[BFrame]]:
    """The B-frames between I-frames at 0 and `length`, depth by depth.

    Each depth halves the intervals of the one above; its frames depend on shallower depths alone,
    so that they can be coded as one batch.
    """
    depths, intervals = [], [(0, length)]
    while True:
        frames = [BFrame((a + b) // 2, a, b) for a, b in intervals if b - a > 1]
        if not frames:
            return depths
        depths.append(frames)
        intervals = [pair for f in frames for pair in ((f.previous, f.time), (f.time, f.following))]


def fall_shares(length: int) -> list[Fraction]:
    """How far quality has fallen from the I-frames' at each depth of B-frames, as a part of all
    the way; short groups do not reach the bottom."""
    depths = len(hierarchy(length))
    return [Fraction(depth, max(depths, PAPER_DEPTHS)) for depth in range(1, depths + 1)]
