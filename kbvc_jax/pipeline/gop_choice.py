"""`--gop auto`: length of each group of pictures and quality of its B-frames, by what they cost.

A window of up to 32 frames ends early at a scene cut. Inside it, lengths near 8 are tried first, at
falling qualities of the B-frames, then halved or doubled while that lowers rate + lambda x
distortion; a group kept is not coded again.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import UInt

from kbvc_jax.pipeline.gop_coder import CodedDepth

FIRST_LENGTH = 8
# Where B-frames gain little from their bits, I-frames are the better place for them.
LEVEL_OFFSETS = (0, -16, -32, -48)
# A cut changes the picture by this part of the sample range, and thrice as much as was usual.
CUT_CHANGE, CUT_RATIO = 0.08, 3.0
_STEP = 8  # every eighth sample is enough to see a cut


@dataclasses.dataclass(frozen=True)
class Group:
    """A coded group of pictures; times count from the window's start."""

    start: int
    end: int
    level_offset: int  # of all its B-frames' quality to that of the I-frames, in half steps
    depths: Sequence[CodedDepth] = ()  # the closing I-frame first
    cost: float = 0.0


Trial = Callable[[int, int, int], Group]  # of start, end, level offset


def choose_groups(start: int, end: int, trial: Trial) -> list[Group]:
    """The cheapest of the tried ways to split the frames start + 1 .. end into groups."""
    if end - start <= FIRST_LENGTH:
        return _split_while_cheaper(_lower_while_cheaper(start, end, trial), trial)
    middle = (start + end + 1) // 2
    halves = choose_groups(start, middle, trial) + choose_groups(middle, end, trial)
    if len(halves) > 2:  # short groups won below: a longer one would not
        return halves
    whole = trial(start, end, halves[0].level_offset)
    return [whole] if whole.cost < sum(group.cost for group in halves) else halves


def _lower_while_cheaper(start: int, end: int, trial: Trial) -> Group:
    best = trial(start, end, LEVEL_OFFSETS[0])
    if end - start == 1:  # no B-frames
        return best
    for offset in LEVEL_OFFSETS[1:]:
        group = trial(start, end, offset)
        if group.cost >= best.cost:
            break
        best = group
    return best


def _split_while_cheaper(whole: Group, trial: Trial) -> list[Group]:
    if whole.end - whole.start == 1:
        return [whole]
    middle = (whole.start + whole.end + 1) // 2
    halves = [
        trial(whole.start, middle, whole.level_offset),
        trial(middle, whole.end, whole.level_offset),
    ]
    if sum(half.cost for half in halves) >= whole.cost:
        return [whole]
    return [group for half in halves for group in _split_while_cheaper(half, trial)]


def first_cut(frames: Sequence[UInt[np.ndarray, "h w 3"]], peak: int) -> int | None:
    """The first frame that starts another scene than the one before it, if any."""
    thumbnails = [frame[::_STEP, ::_STEP].astype(np.float32) / peak for frame in frames]
    changes = [
        float(np.abs(a - b).mean()) for a, b in zip(thumbnails[:-1], thumbnails[1:], strict=True)
    ]
    for time, change in enumerate(changes, start=1):
        usual = changes[time - 2] if time > 1 else min(changes[1:2], default=0.0)
        if change > CUT_CHANGE and change > CUT_RATIO * usual:
            return time
    return None
