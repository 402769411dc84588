"""Frames to coded groups of pictures, one after another, in constant memory."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import GopRecord
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.pipeline.gop_choice import FALL, Group, choose_groups, first_cut
from kbvc_jax.pipeline.gop_coder import (
    CodedDepth,
    FrameStatistics,
    code_b_frames,
    code_image,
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
    fixed_point = round(quality * QUALITY_STEPS)
    source = iter(frames)
    first = next(source, None)
    if first is None:
        return
    opening = code_image(network, first, 0, fixed_point, effort)
    yield CodedGop(network, 0, Group(0, 0, FALL, [opening]), fixed_point)
    start, window, decoded = 0, [first], opening.frames[0]
    while True:
        wanted = MAX_GOP if gop == "auto" else int(gop)
        window += itertools.islice(source, wanted + 1 - len(window))
        if len(window) == 1:
            return
        if gop == "auto":
            window_end = first_cut(window, network.peak) or len(window) - 1
            trial = _Window(network, window[: window_end + 1], decoded, fixed_point)
            groups = choose_groups(0, window_end, trial.price)
        else:
            groups = [Group(0, len(window) - 1, FALL)]
        if effort or gop != "auto":  # else the choice has coded them
            coder = _Window(network, window, decoded, fixed_point, effort)
            groups = [coder.code(group) for group in groups]
        for group in groups:
            yield CodedGop(network, start + group.start, group, fixed_point)
        end = groups[-1].end
        decoded = groups[-1].depths[0].frames[0]
        start, window = start + end, window[end:]


class _Window:
    """Codes groups of one window; I-frames are shared between them."""

    def __init__(
        self, network: Network, frames: Sequence[Frame], opening, quality: int, effort: int = 0
    ):
        self._network, self._frames = network, frames
        self._quality, self._effort = quality, effort
        self._images: dict[int, CodedDepth] = {}
        self._opening = opening

    def _decoded(self, time: int):
        return self._image(time).frames[0] if time else self._opening

    def _image(self, time: int) -> CodedDepth:
        if time not in self._images:
            self._images[time] = code_image(
                self._network, self._frames[time], time, self._quality, self._effort
            )
        return self._images[time]

    def code(self, group: Group) -> Group:
        b_frames = code_b_frames(
            self._network,
            self._decoded(group.start),
            self._decoded(group.end),
            self._frames[group.start + 1 : group.end],
            self._quality,
            group.level_offsets,
            self._effort,
        )
        closing = dataclasses.replace(self._image(group.end), times=(group.end - group.start,))
        return dataclasses.replace(group, depths=[closing, *b_frames])

    def price(self, group: Group) -> Group:
        coded = self.code(group)
        cost = sum(self._cost(depth, group.start) for depth in coded.depths)
        return dataclasses.replace(coded, cost=cost)

    def _cost(self, depth: CodedDepth, start: int) -> float:
        sources = jnp.asarray(np.stack([self._frames[start + time] for time in depth.times]))
        decoded = jnp.stack(depth.frames)
        parts = (depth.symbols, decoded, sources, depth.rates)
        return float(costs(self._network, *parts, self._quality).sum())
