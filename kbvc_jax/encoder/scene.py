"""`--gop auto`, scene by scene: the groups that take the least rate for the quality asked for.

Picture quality is the mean PSNR of the frames, and what is asked for is what groups of the usual
length have at the quality asked for. A scene's first window codes these, the first one again at
another quality, which tells what quality costs and brings: so groups are compared by the rate that
they would take at equal PSNR. Then all frames are coded better or worse by as much as the groups
chosen differ from what is asked for.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kbvc_jax.codec.batch import Picture
from kbvc_jax.encoder.gop_choice import FALL, FIRST_LENGTH, Group, choose_groups
from kbvc_jax.encoder.group import CodedDepth, Settings
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.span import Span
from kbvc_jax.encoder.window import Window
from kbvc_jax.rate import BEST, QUALITY_STEPS, Quality, shifted

APART = 16  # half steps from the quality asked for to the other one
LEAST_SLOPE = 0.03 / QUALITY_STEPS  # dB a step of 1/256; 0.1 to 0.2 a whole one are usual
LEAST_GROWTH = 0.1  # of rate, as a logarithm, by a dB; 0.2 to 0.6 are usual
FAR = 4 * QUALITY_STEPS  # enough to see whether it is steeper
I_FRAMES = 0.1  # dB that I-frames in place of P-frames, as groups of a fixed length have, bring
REFINED = 0.3  # dB that refinement usually brings
CLOSE = 0.2  # dB: not worth coding a window again
CODINGS = 3  # of a scene's first window with refinement, at most


class Outcome(NamedTuple):
    """Of coding a span."""

    bits: float
    error: float  # squared, summed
    decibels: float  # mean PSNR of the frames, up to a constant


def outcome_of(depths: Iterable[CodedDepth]) -> Outcome:
    depths = list(depths)
    errors = [error for depth in depths for error in depth.errors]
    decibels = [-10 * math.log10(max(error, 1.0)) for error in errors]
    bits = sum(depth.bits for depth in depths)
    return Outcome(max(bits, 1.0), sum(errors), sum(decibels) / len(decibels))


class SceneQuality(NamedTuple):
    """What a scene's first window tells all others."""

    quality: Quality
    growth: float | None  # of rate, as a logarithm, by a dB


class Scene:
    """Codes one span after another; the first one says at which quality."""

    def __init__(
        self,
        network: EncoderNetwork,
        asked: Settings,
        many: bool,
        quality: SceneQuality | None = None,
    ):
        """`many` qualities to choose from; or one, and no fall. A `quality` if the first window has
        been coded."""
        self._network, self._asked = network, asked
        self._fall = None if many else 0
        self._refines = asked.effort > 0
        self.quality = quality or (None if many else SceneQuality(asked.quality, None))

    def code(self, span: Span, opening: Picture | None) -> tuple[Window, list[Group]]:
        if self.quality is None:
            return self._code_first(span, opening)
        quality, growth = self.quality
        draft = self._window(span, opening, quality)
        groups = self._choose(draft, span.end, growth)
        return self._refined(span, opening, quality, groups) if self._refines else (draft, groups)

    def _code_first(self, span: Span, opening: Picture | None) -> tuple[Window, list[Group]]:
        asked = self._asked.quality
        draft = self._window(span, opening, asked)
        wanted = _usual_outcome(draft, span.end).decibels + I_FRAMES
        slope, growth = self._price(draft, self._window(span, opening, _other(asked)), span.end)
        groups = self._choose(draft, span.end, growth)
        window, quality = draft, asked
        decibels = outcome_of(draft.depths(groups)).decibels + (REFINED if self._refines else 0)
        missing, codings = wanted - decibels, CODINGS if self._refines else 1
        if not self._refines and abs(missing) < CLOSE:  # nothing to code again
            codings = 0
        for _ in range(codings):
            before, had = quality, decibels
            quality = _moved(quality, missing / slope)
            window, groups = self._refined(span, opening, quality, groups)
            decibels = outcome_of(window.depths(groups)).decibels
            if abs(quality - before) >= FAR:
                slope = max((decibels - had) / (quality - before), slope)
            missing = wanted - decibels
            if abs(missing) < CLOSE or _moved(quality, missing / slope) == quality:
                break
        self.quality = SceneQuality(quality, growth)
        return window, groups

    def _price(self, draft: Window, beside: Window, end: int) -> tuple[float, float]:
        """What quality brings, dB a step, and costs, rate as a logarithm a dB: of the first of the
        usual groups, which is coded by both windows."""
        first = min(FIRST_LENGTH, end)
        usual, changed = (_usual_outcome(window, first) for window in (draft, beside))
        apart = beside.settings.quality - draft.settings.quality
        slope = max((changed.decibels - usual.decibels) / apart, LEAST_SLOPE)
        growth = math.log(changed.bits / usual.bits) / apart / slope
        return slope, max(growth, LEAST_GROWTH)

    def _refined(
        self, span: Span, opening: Picture | None, quality: Quality, groups: list[Group]
    ) -> tuple[Window, list[Group]]:
        window = self._window(span, opening, quality, self._asked.effort)
        return window, window.code_all(groups)

    def _window(
        self, span: Span, opening: Picture | None, quality: Quality, effort: int = 0
    ) -> Window:
        settings = dataclasses.replace(self._asked, quality=quality, effort=effort)
        return Window(self._network, span, opening, settings)

    def _choose(self, window: Window, end: int, growth: float | None) -> list[Group]:
        weight = self._network.error_weight(window.settings.quality)
        shared = window.first.bits / end if window.first and end else 0.0  # by all its frames

        def cost(groups: Sequence[Group]) -> float:
            bits, error, decibels = outcome_of(d for group in groups for d in group.depths)
            if growth is None:
                return bits + weight * error
            bits += shared * (groups[-1].end - groups[0].start)
            return math.log(bits) - growth * decibels

        return choose_groups(0, end, window.code, cost, self._fall) if end else []


def _usual_outcome(window: Window, end: int) -> Outcome:
    starts = range(0, end, FIRST_LENGTH)
    groups = [Group(start, min(start + FIRST_LENGTH, end), FALL) for start in starts]
    return outcome_of(window.depths(window.code_all(groups)))


def _other(quality: Quality) -> Quality:
    """Better, where there is room."""
    better = shifted(quality, APART)
    return better if better > quality else shifted(quality, -APART)


def _moved(quality: Quality, by: float) -> Quality:
    return Quality(min(max(quality + round(by), 0), BEST))
