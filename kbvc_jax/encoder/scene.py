"""`--gop auto`, scene by scene: the groups that take the least rate for the quality asked for.

All is tried on the middle of the picture, and whole frames are coded once. Picture quality is the
mean PSNR of the frames, and what is asked for is what groups of the usual length have at the
quality asked for. A scene's first window codes these, and the first one again at another quality,
which tells what quality costs and brings: so groups are compared by the rate that they would take
at equal PSNR. Then all frames are coded better or worse by as much as the groups chosen differ from
what is asked for.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kbvc_jax.codec.batch import Picture
from kbvc_jax.encoder.gop_choice import (
    FALL,
    FIRST_LENGTH,
    Group,
    choose_fall,
    choose_groups,
)
from kbvc_jax.encoder.gop_choice import Cost as GroupCost
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
CODINGS = 2  # of a scene's first window with refinement, at most,
CLOSE = 0.2  # dB: unless it is as near as this


class Outcome(NamedTuple):
    """Of coding a span."""

    bits: float
    error: float  # squared, summed
    decibels: float  # mean PSNR of the frames, up to a constant


def outcome_of(depths: Iterable[CodedDepth]) -> Outcome:
    depths = list(depths)
    errors = [error for depth in depths for error in depth.errors]
    bits = sum(depth.bits for depth in depths)
    return Outcome(max(bits, 1.0), sum(errors), mean_decibels(errors))


def mean_decibels(errors: Sequence[float]) -> float:
    decibels = [-10 * math.log10(max(error, 1.0)) for error in errors]
    return sum(decibels) / len(decibels)


class Findings(NamedTuple):
    """What a scene's first window tells all others."""

    quality: Quality
    fall: int  # over the hierarchy
    growth: float | None  # of rate, as a logarithm, by a dB


class Scene:
    """Codes one span after another; the first one says at which quality."""

    def __init__(
        self,
        network: EncoderNetwork,
        asked: Settings,
        many: bool,
        findings: Findings | None = None,
    ):
        """`many` qualities to choose from; or one, and no fall. With `findings` if the first window
        has been coded."""
        self._network, self._asked = network, asked
        self.findings = findings or (None if many else Findings(asked.quality, 0, None))
        self._opening: Picture | None = None  # as the trials have it

    def code(self, span: Span, opening: Picture | None) -> tuple[Window, list[Group]]:
        groups = self._search(span.middle)
        assert self.findings
        window = self._window(span, opening, self.findings.quality, self._asked.effort)
        return window, window.code_all(group.again for group in groups)

    def _search(self, middle: Span) -> list[Group]:
        if not middle.end:  # an I-frame alone
            self.findings = self.findings or Findings(self._asked.quality, FALL, LEAST_GROWTH)
            return []
        if self.findings is None:
            self.findings, groups = self._search_first(middle)
        else:
            quality, fall, growth = self.findings
            trials = self._window(middle, self._opening, quality)
            cost = self._cost(trials, middle.end, growth)
            groups = choose_groups(0, middle.end, trials.code, cost, fall)
        self._opening = None if middle.ends_intra else groups[-1].closing
        return groups

    def _search_first(self, middle: Span) -> tuple[Findings, list[Group]]:
        asked, end = self._asked.quality, middle.end
        trials, beside = (self._window(middle, None, q) for q in (asked, _other(asked)))
        starts = range(0, end, FIRST_LENGTH)
        usual = [Group(start, min(start + FIRST_LENGTH, end), FALL) for start in starts]
        changed, usual = beside.code_all(usual[:1]), trials.code_all(usual)
        slope, growth = _price(trials, usual[:1], beside, changed)
        cost = self._cost(trials, end, growth)
        fallen = choose_fall(usual[0], trials.code, cost)
        trials.code_all([fallen])
        groups = choose_groups(0, end, trials.code, cost, fallen.fall)
        wanted = _decibels(usual) + I_FRAMES
        missing = wanted - _decibels(groups)
        if self._asked.effort:
            quality = self._quality_refined(middle, groups, wanted, missing - REFINED, slope)
        else:
            quality = _moved(asked, missing / slope)
        return Findings(quality, fallen.fall, growth), groups

    def _quality_refined(
        self, middle: Span, groups: list[Group], wanted: float, missing: float, slope: float
    ) -> Quality:
        quality, had = self._asked.quality, wanted - missing
        for _ in range(CODINGS):
            before, quality = quality, _moved(quality, missing / slope)
            window = self._window(middle, None, quality, self._asked.effort)
            refined = window.code_all(group.again for group in groups)
            decibels = _decibels(refined)
            if abs(quality - before) >= FAR:
                slope = max((decibels - had) / (quality - before), slope)
            missing, had = wanted - decibels, decibels
            if abs(missing) < CLOSE:
                return quality
        return _moved(quality, missing / slope)

    def _window(
        self, span: Span, opening: Picture | None, quality: Quality, effort: int = 0
    ) -> Window:
        settings = dataclasses.replace(self._asked, quality=quality, effort=effort)
        return Window(self._network, span, opening, settings)

    def _cost(self, window: Window, end: int, growth: float | None) -> GroupCost:
        """Rate at equal PSNR or, where there is one quality, rate and errors at its price; as a
        logarithm."""
        weight = self._network.error_weight(window.settings.quality)
        shared = window.first.bits / end if window.first else 0.0  # by all its frames

        def cost(groups: Sequence[Group]) -> float:
            bits, error, decibels = outcome_of(d for group in groups for d in group.depths)
            if growth is None:
                return math.log(bits + weight * error)
            bits += shared * (groups[-1].end - groups[0].start)
            return math.log(bits) - growth * decibels

        return cost


def _decibels(groups: Sequence[Group]) -> float:
    """Of all frames but the one that opens them."""
    return mean_decibels([e for group in groups for depth in group.depths for e in depth.errors])


def _price(
    window: Window, usual: list[Group], other: Window, changed: list[Group]
) -> tuple[float, float]:
    """What quality brings, dB a step, and costs, rate as a logarithm a dB."""
    apart = other.settings.quality - window.settings.quality
    had, has = outcome_of(window.depths(usual)), outcome_of(other.depths(changed))
    slope = max((has.decibels - had.decibels) / apart, LEAST_SLOPE)
    growth = math.log(has.bits / had.bits) / apart / slope
    return slope, max(growth, LEAST_GROWTH)


def _other(quality: Quality) -> Quality:
    """Better, where there is room for all of it: near the best quality brings little, and what is
    below it would be sought far too low."""
    better = shifted(quality, APART)
    return better if better < BEST else shifted(quality, -APART)


def _moved(quality: Quality, by: float) -> Quality:
    return Quality(min(max(quality + round(by), 0), BEST))
