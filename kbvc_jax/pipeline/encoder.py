"""Frames to coded groups of pictures, one after another, in constant memory."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import GopRecord
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.pipeline.gop_choice import FALL, RAISES, Group, choose_groups, first_cut
from kbvc_jax.pipeline.gop_coder import (
    CodedDepth,
    FrameStatistics,
    code_b_frames,
    code_image,
    shifted,
    write_payload,
)
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.refinement import costs
from kbvc_jax.pipeline.schedule import MAX_GOP

Frame = UInt[np.ndarray, "h w 3"]


class CodedGop:
    """A record for the container, with what it decodes to."""

    def __init__(self, network: Network, start: int, group: Group, quality: int):
        self._network, self._depths = network, group.depths
        self.start = start  # of the group's opening I-frame
        self.length = group.end - group.start
        self.record = GopRecord(
            first_frame=start + 1 if self.length else start,
            frames=max(self.length, 1),
            quality=quality,
            level_offsets=group.level_offsets,
            opening=self.length == 0,
            payload=write_payload(network, group.depths),
        )

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Decoded frames with their numbers, in display order."""
        decoded = {
            time: np.asarray(frame)
            for depth in self._depths
            for time, frame in zip(depth.times, depth.frames, strict=True)
        }
        for time in sorted(decoded):
            yield self.start + time, decoded[time]

    def statistics(self) -> list[FrameStatistics]:
        network = self._network
        found = [s for depth in self._depths for s in depth.statistics(network, self.start)]
        return sorted(found, key=lambda statistics: statistics.index)


def encode_gops(
    network: Network, frames: Iterable[Frame], quality: float, gop: int | str, effort: int = 0
) -> Iterator[CodedGop]:
    """Codes all frames. `gop` is a length or "auto"; see refinement.py for `effort`."""
    source, wanted = iter(frames), round(quality * QUALITY_STEPS)
    longest = MAX_GOP if gop == "auto" else int(gop)
    window = list(itertools.islice(source, 1))
    start, opening = 0, None  # the I-frame that the window begins with, once it is coded
    own = None  # quality of this scene's I-frames
    while window:
        window += itertools.islice(source, longest + 1 - len(window))
        if opening is not None and len(window) == 1:
            return
        cut = None
        if gop == "auto":
            cut = first_cut(window, network.peak)
            rising = (own,) if own is not None else (shifted(wanted, up) for up in RAISES)
            scene = window[: cut + 1] if cut else window
            own, first, groups = _choose(network, scene, opening, rising, wanted)
        else:
            own, first, groups = wanted, None, [Group(0, len(window) - 1, FALL)]
        if effort or first is None:  # else the choice has coded everything
            first = opening or code_image(network, window[0], 0, own, effort)
            coder = _Window(network, window, first, own, effort=effort)
            groups = [coder.code(group) for group in groups if group.end]
        if opening is None:
            yield CodedGop(network, 0, Group(0, 0, FALL, [first]), own)
        for group in groups:
            yield CodedGop(network, start + group.start, group, own)
        if not groups:
            return
        end, opening = groups[-1].end, groups[-1].depths[0]
        start, window = start + end, window[end:]
        own = None if cut else own


def _choose(
    network: Network,
    frames: Sequence[Frame],
    opening: CodedDepth | None,
    rising: Iterable[int],
    wanted: int,
) -> tuple[int, CodedDepth, list[Group]]:
    """The quality of I-frames, raised while that is cheaper at the `wanted` lambda; the first frame
    and all groups."""
    best, least = None, math.inf
    for quality in dict.fromkeys(rising):  # the best one cannot be raised
        first = opening or code_image(network, frames[0], 0, quality)
        window = _Window(network, frames, first, quality, wanted)
        groups = choose_groups(0, len(frames) - 1, window.price) if len(frames) > 1 else []
        cost = sum(group.cost for group in groups) + (0 if opening else window.cost(first, 0))
        if cost >= least:
            break
        best, least = (quality, first, groups), cost
    assert best is not None  # a cost is finite
    return best


class _Window:
    """Codes groups of one window; I-frames are shared between them."""

    def __init__(
        self,
        network: Network,
        frames: Sequence[Frame],
        opening: CodedDepth,
        quality: int,
        wanted: int | None = None,
        *,
        effort: int = 0,
    ):
        self._network, self._frames = network, frames
        self._quality, self._effort = quality, effort
        self._wanted = quality if wanted is None else wanted  # whose lambda prices
        self._images = {0: opening}

    def _image(self, time: int) -> CodedDepth:
        if time not in self._images:
            self._images[time] = code_image(
                self._network, self._frames[time], time, self._quality, self._effort
            )
        return self._images[time]

    def code(self, group: Group) -> Group:
        b_frames = code_b_frames(
            self._network,
            self._image(group.start).frames[0],
            self._image(group.end).frames[0],
            self._frames[group.start + 1 : group.end],
            self._quality,
            group.level_offsets,
            self._effort,
        )
        closing = dataclasses.replace(self._image(group.end), times=(group.end - group.start,))
        return dataclasses.replace(group, depths=[closing, *b_frames])

    def price(self, group: Group) -> Group:
        coded = self.code(group)
        cost = sum(self.cost(depth, group.start) for depth in coded.depths)
        return dataclasses.replace(coded, cost=cost)

    def cost(self, depth: CodedDepth, start: int) -> float:
        sources = jnp.asarray(np.stack([self._frames[start + time] for time in depth.times]))
        decoded = jnp.stack(depth.frames)
        parts = (depth.symbols, decoded, sources, depth.rates)
        return float(costs(self._network, *parts, self._wanted).sum())
