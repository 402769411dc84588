"""Groups of pictures and the quality of their B-frames; for `--gop auto` by what they cost.

A window of up to 32 frames ends early at a scene cut. Inside it, a length near 8 is tried first,
quality falling as usual, then more or less steeply; then it is doubled or, where that does not pay,
halved, while that lowers the cost. Where the first half of the window is best as one group, so is
the second half tried. How far quality falls is asked of a scene's first group alone.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.schedule import fall_shares
from kbvc_jax.encoder.group import CodedDepth

FIRST_LENGTH = 8
# By how many half steps quality falls from the I-frames to the deepest B-frames: fewer frames refer
# to a deeper one, and the less they move, the more a frame has from its references alone.
FALL = 36
FALLS = (12, FALL, 60, 84)  # that auto tries
# Of rate, as a logarithm, that short groups have to save: the middle does not tell all of a
# picture.
MARGIN = 0.03


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """A coded group of pictures; times count from the window's start."""

    start: int
    end: int
    fall: int  # of quality, from its I-frames to its deepest B-frames
    depths: Sequence[CodedDepth] = ()  # the closing frame first

    @property
    def closing(self) -> Picture:
        return self.depths[0].pictures[0]

    @property
    def again(self) -> "Group":
        """The same frames, yet to be coded."""
        return Group(self.start, self.end, self.fall)

    @property
    def level_offsets(self) -> tuple[int, ...]:
        """Of each depth of B-frames, to the I-frames' quality, in half steps."""
        shares = fall_shares(self.end - self.start)
        return tuple(-math.ceil(self.fall * share) for share in shares)


# Codes a group after the one before it, None being before the window.
Trial = Callable[[Group, Group | None], Group]
Cost = Callable[[Sequence[Group]], float]  # of coded ones in a row, as a logarithm


def choose_fall(usual: Group, trial: Trial, cost: Cost) -> Group:
    """Quality falls more than in the first group or, where that does not pay, less."""
    best = usual
    if usual.end - usual.start == 1:  # no B-frames
        return best
    place = FALLS.index(usual.fall)
    for falls in (FALLS[place + 1 :], FALLS[:place][::-1]):
        for fall in falls:
            group = trial(Group(usual.start, usual.end, fall), None)
            if cost([group]) >= cost([best]):
                break
            best = group
        if best is not usual:
            break
    return best


def choose_groups(
    start: int,
    end: int,
    trial: Trial,
    cost: Cost,
    fall: int,
    before: Group | None = None,
) -> list[Group]:
    """The cheapest of the tried ways to split the frames start + 1 .. end into groups."""
    if end - start <= FIRST_LENGTH:
        whole = trial(Group(start, end, fall), before)
        return _split_while_cheaper(whole, trial, cost, before)
    return _double_while_cheaper(start, end, trial, cost, fall, before)


def _double_while_cheaper(
    start: int, end: int, trial: Trial, cost: Cost, fall: int, before: Group | None
) -> list[Group]:
    if end - start <= FIRST_LENGTH:
        return [trial(Group(start, end, fall), before)]
    middle = (start + end + 1) // 2
    first = _double_while_cheaper(start, middle, trial, cost, fall, before)
    if len(first) > 1:  # short groups won: one of all would not
        return first + _double_while_cheaper(middle, end, trial, cost, fall, first[-1])
    halves = [*first, trial(Group(middle, end, fall), first[0])]
    whole = trial(Group(start, end, fall), before)
    if cost([whole]) < cost(halves):
        return [whole]
    if middle - start <= FIRST_LENGTH:
        return _split_both(halves, trial, cost, before)
    return [*first, *_split_while_cheaper(halves[1], trial, cost, first[0])]


def _split_both(pair: list[Group], trial: Trial, cost: Cost, before: Group | None) -> list[Group]:
    first, second = pair
    groups = _split_while_cheaper(first, trial, cost, before)
    if groups[-1] is not first:  # the second may be predicted from its last frame
        second = trial(Group(second.start, second.end, second.fall), groups[-1])
    return groups + _split_while_cheaper(second, trial, cost, groups[-1])


def _split_while_cheaper(
    whole: Group, trial: Trial, cost: Cost, before: Group | None
) -> list[Group]:
    if whole.end - whole.start == 1:
        return [whole]
    middle = (whole.start + whole.end + 1) // 2
    first = trial(Group(whole.start, middle, whole.fall), before)
    second = trial(Group(middle, whole.end, whole.fall), first)
    if cost([first, second]) >= cost([whole]) - MARGIN:
        return [whole]
    return _split_both([first, second], trial, cost, before)
