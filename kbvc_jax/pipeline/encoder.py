"""Frames to coded groups of pictures, one after another, in constant memory."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import GopRecord
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.pipeline.gop_choice import Group, choose_groups, first_cut
from kbvc_jax.pipeline.gop_coder import (
    CodedDepth,
    FrameStatistics,
    code_b_frames,
    code_image,
    write_payload,
)
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.schedule import MAX_GOP, hierarchy

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
            level_offsets=(group.level_offset,) * len(hierarchy(self.length)),
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
    network: Network, frames: Iterable[Frame], quality: float, gop: int | str
) -> Iterator[CodedGop]:
    """Codes all frames. `gop` is a length or "auto"."""
    fixed_point = round(quality * QUALITY_STEPS)
    source = iter(frames)
    first = next(source, None)
    if first is None:
        return
    opening = code_image(network, first, 0, fixed_point)
    yield CodedGop(network, 0, Group(0, 0, 0, [opening]), fixed_point)
    start, window, decoded = 0, [first], opening.frames[0]
    while True:
        wanted = MAX_GOP if gop == "auto" else int(gop)
        window += itertools.islice(source, wanted + 1 - len(window))
        if len(window) == 1:
            return
        if gop == "auto":
            end = first_cut(window, network.peak) or len(window) - 1
            trial = _Trial(network, window[: end + 1], decoded, fixed_point)
            groups = choose_groups(0, end, trial)
        else:
            end = len(window) - 1
            groups = [_Trial(network, window, decoded, fixed_point).code(0, end)]
        for group in groups:
            yield CodedGop(network, start + group.start, group, fixed_point)
        decoded = groups[-1].depths[0].frames[0]
        start, window = start + end, window[end:]


class _Trial:
    """Codes candidate groups of one window; I-frames are shared between them."""

    def __init__(self, network: Network, window: Sequence[Frame], opening, quality: int):
        self._network, self._window, self._quality = network, window, quality
        self._images: dict[int, CodedDepth] = {}
        self._opening = opening
        self._lambda = float(lambda_of(quality / QUALITY_STEPS, network.inference.model.config))

    def _decoded(self, time: int):
        return self._image(time).frames[0] if time else self._opening

    def _image(self, time: int) -> CodedDepth:
        if time not in self._images:
            self._images[time] = code_image(self._network, self._window[time], time, self._quality)
        return self._images[time]

    def code(self, start: int, end: int, level_offset: int = 0) -> Group:
        inner = self._window[start + 1 : end]
        offsets = (level_offset,) * len(hierarchy(end - start))
        b_frames = code_b_frames(
            self._network, self._decoded(start), self._decoded(end), inner, self._quality, offsets
        )
        closing = dataclasses.replace(self._image(end), times=(end - start,))
        return Group(start, end, level_offset, [closing, *b_frames])

    def __call__(self, start: int, end: int, level_offset: int) -> Group:
        group = self.code(start, end, level_offset)
        cost = sum(self._cost(depth, start) for depth in group.depths)
        return dataclasses.replace(group, cost=cost)

    def _cost(self, depth: CodedDepth, start: int) -> float:
        """Bits + lambda x 255^2 x squared error, summed over pixels."""
        bits = sum(s.bits_y + s.bits_z for s in depth.statistics(self._network, 0))
        error = 0.0
        for time, frame in zip(depth.times, depth.frames, strict=True):
            source = self._window[start + time].astype(np.float32)
            error += float(np.square(source - np.asarray(frame)).mean(2).sum())
        return bits + self._lambda * (255 / self._network.peak) ** 2 * error
