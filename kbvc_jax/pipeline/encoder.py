"""Frames to coded groups of pictures, one after another, in constant memory."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import GopRecord
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.pipeline.gop_choice import (
    FALL,
    FIRST_LENGTH,
    RAISES,
    Group,
    choose_groups,
    first_cut,
)
from kbvc_jax.pipeline.gop_coder import (
    CodedDepth,
    FrameStatistics,
    Picture,
    Settings,
    Way,
    code_b_frames,
    code_image,
    shifted,
    write_payload,
)
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.options import Options
from kbvc_jax.pipeline.schedule import MAX_GOP

Frame = UInt[np.ndarray, "h w 3"]


class CodedGop:
    """A record for the container, with what it decodes to."""

    def __init__(self, network: Network, start: int, group: Group, quality: int):
        self._network, self._depths = network, group.depths
        self.start = start  # of the group's opening frame
        self.length = group.end - group.start
        self.record = GopRecord(
            first_frame=start + 1 if self.length else start,
            frames=max(self.length, 1),
            quality=quality,
            level_offsets=group.level_offsets,
            predicted=tuple(depth.predicted for depth in group.depths),
            payload=write_payload(network, group.depths),
        )

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Decoded frames with their numbers, in display order."""
        decoded = {
            time: np.asarray(picture.frame)
            for depth in self._depths
            for time, picture in zip(depth.times, depth.pictures, strict=True)
        }
        for time in sorted(decoded):
            yield self.start + time, decoded[time]

    def statistics(self) -> list[FrameStatistics]:
        network = self._network
        found = [s for depth in self._depths for s in depth.statistics(network, self.start)]
        return sorted(found, key=lambda statistics: statistics.index)


def encode_gops(
    network: Network, frames: Iterable[Frame], quality: float, options: Options
) -> Iterator[CodedGop]:
    """Codes all frames."""
    source, longest = iter(frames), options.longest
    wanted = round(quality * QUALITY_STEPS)
    asked = Settings(wanted, wanted, options.effort, options.paper)
    waiting = list(itertools.islice(source, 1))
    start, opening = 0, None  # the frame that a window begins with, once it is coded
    own = None  # quality of this scene's I-frames
    since = 0  # frames from the last I-frame to the window's end
    hopeless, learnt_at = set[Way](), 0
    while waiting:
        waiting += itertools.islice(source, longest + 1 - len(waiting))
        if opening is not None and len(waiting) == 1:
            return
        cut = first_cut(waiting, network.peak) if options.auto else None
        end = cut or len(waiting) - 1
        since += end
        too_far = end == longest and since + longest > options.intra_period
        ends_intra = cut is not None or too_far
        scene = waiting[: end + 1], opening, ends_intra
        if options.auto:
            rising = (own,) if own is not None else [shifted(wanted, up) for up in RAISES]
            plain = [dataclasses.replace(asked, quality=tried, effort=0) for tried in rising]
            window, groups = _choose(network, *scene, plain)
        else:
            window, groups = None, [Group(0, end, FALL)] if end else []
        if window is None or options.effort:
            own = window.settings.quality if window else wanted
            if start - learnt_at >= MAX_GOP:  # what was worse before may be better now
                hopeless, learnt_at = set(), start
            settings = dataclasses.replace(asked, quality=own)
            window = _Window(network, *scene, settings, hopeless)
            groups = window.code_all(groups)
        own = window.settings.quality
        if window.first:
            yield CodedGop(network, 0, Group(0, 0, FALL, [window.first]), own)
        for group in groups:
            yield CodedGop(network, start + group.start, group, own)
        if not groups:
            return
        start, waiting, opening = start + end, waiting[end:], groups[-1].closing
        own = None if cut else own
        since = 0 if ends_intra else since


def _choose(
    network: Network,
    frames: Sequence[Frame],
    opening: Picture | None,
    ends_intra: bool,
    tried: Sequence[Settings],
) -> "tuple[_Window, list[Group]]":
    """The cheapest groups, at the I-frames' quality that is best for groups of the usual length."""
    end, windows = len(frames) - 1, dict[float, _Window]()
    usual = [Group(t, min(t + FIRST_LENGTH, end), FALL) for t in range(0, end, FIRST_LENGTH)]
    for settings in dict.fromkeys(tried):  # the best quality cannot be raised
        window = _Window(network, frames, opening, ends_intra, settings, set())
        cost = window.cost(window.code_all(usual)) if len(tried) > 1 else 0.0
        if windows and cost >= min(windows):
            break
        windows[cost] = window
    best = windows[min(windows)]
    return best, choose_groups(0, end, best.code) if end else []


class _Window:
    """Codes groups of one window; those that end alike share the frame that closes them."""

    def __init__(
        self,
        network: Network,
        frames: Sequence[Frame],
        opening: Picture | None,
        ends_intra: bool,
        settings: Settings,
        hopeless: set[Way],
    ):
        self.settings, self._hopeless = settings, hopeless
        self._network, self._frames, self._ends_intra = network, frames, ends_intra
        self.first: CodedDepth | None = None
        if opening is None:
            self.first = code_image(network, frames[0], 0, settings)
            opening = self.first.pictures[0]
        self._opening = opening
        self._closing = dict[tuple[Group | None, int], CodedDepth]()

    def code(self, group: Group, before: Group | None) -> Group:
        opening = before.closing if before else self._opening
        closing, length = self._image(group.end, before, opening), group.end - group.start
        b_frames = code_b_frames(
            self._network,
            opening,
            closing.pictures[0],
            self._frames[group.start + 1 : group.end],
            group.level_offsets,
            self.settings,
            self._hopeless,
        )
        depths = [dataclasses.replace(closing, times=(length,)), *b_frames]
        return dataclasses.replace(group, depths=depths, cost=sum(depth.cost for depth in depths))

    def code_all(self, groups: Iterable[Group]) -> list[Group]:
        coded = list[Group]()
        for group in groups:
            coded.append(self.code(group, coded[-1] if coded else None))
        return coded

    def cost(self, groups: Iterable[Group]) -> float:
        """Of all, with the first frame where it is not another window's last."""
        return sum(group.cost for group in groups) + (self.first.cost if self.first else 0)

    def _image(self, time: int, before: Group | None, opening: Picture) -> CodedDepth:
        """Predicted from the one before it, but where a window ends with an I-frame."""
        intra = self.settings.paper or (self._ends_intra and time == len(self._frames) - 1)
        key = (None if intra else before, time)
        if key not in self._closing:
            self._closing[key] = code_image(
                self._network, self._frames[time], time, self.settings, None if intra else opening
            )
        return self._closing[key]
