"""What selects a rate: quality, and a frame's level in the hierarchy. Numbers alone, no model."""

from typing import NewType

MAX_QUALITY = 100
QUALITY_STEPS = 256
# Quality in fixed point, 1/256ths, as it stands in a stream: what all code between the command
# line and the network hands on. The numbers 0 to 100 are for people.
Quality = NewType("Quality", int)
BEST = Quality(MAX_QUALITY * QUALITY_STEPS)
# Section 3.3: lambda of the I-frame, of inner B-frames, of the leaves of the hierarchy.
LEVEL_LAMBDAS = (1.0, 0.85, 0.7)


def quality_of(number: float) -> Quality:
    return Quality(round(number * QUALITY_STEPS))


def number_of(quality: Quality) -> float:
    return quality / QUALITY_STEPS


def shifted(quality: Quality, half_steps: int) -> Quality:
    """By half steps of the numbers, within the range."""
    return Quality(min(max(quality + half_steps * QUALITY_STEPS // 2, 0), BEST))
