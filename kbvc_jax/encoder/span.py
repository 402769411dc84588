"""Frames cut into spans that are coded together, and runs of spans from I-frame to I-frame."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt

from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.models.codecs.contract import BLOCK
from kbvc_jax.models.codecs.motion.estimation import Source

Frame = UInt[np.ndarray, "h w 3"]
# A cut changes the picture by this part of the sample range, and thrice as much as was usual.
CUT_CHANGE, CUT_RATIO = 0.08, 3.0
MIDDLE = 256  # samples each way
_STEP = 8  # every eighth sample is enough to see a cut


@dataclasses.dataclass(frozen=True)
class Span:
    """Frames that are coded together; the first one is the last of the span before."""

    start: int
    frames: Sequence[Frame]
    ends_intra: bool  # with an I-frame
    ends_scene: bool

    @property
    def end(self) -> int:
        """Time of the last one."""
        return len(self.frames) - 1

    @functools.cached_property
    def sources(self) -> Sequence[Source]:
        return [Source(frame) for frame in self.frames]

    @property
    def middle(self) -> "Span":
        """Half of the picture each way, but not less than what tells enough."""
        rows, columns = (_middle(side) for side in self.frames[0].shape[:2])
        return dataclasses.replace(self, frames=[frame[rows, columns] for frame in self.frames])


# From an I-frame to another one, or to the end.
Run = Sequence[Span]


def spans(frames: Iterable[Frame], peak: int, options: EncoderOptions) -> Iterator[Span]:
    """Groups of a fixed length; or as much of a scene as the longest group holds."""
    source, longest = iter(frames), options.longest
    waiting = list(itertools.islice(source, 1))
    start = since = 0  # the latter from the last I-frame
    while waiting:
        waiting += itertools.islice(source, longest + 1 - len(waiting))
        if start and len(waiting) == 1:  # the last span's last
            return
        cut = first_cut(waiting, peak) if options.auto else None
        end = cut or len(waiting) - 1
        since += end
        too_far = end == longest and since + longest > options.intra_period
        ends_intra = cut is not None or too_far
        yield Span(start, waiting[: end + 1], ends_intra, cut is not None)
        start, waiting = start + end, waiting[end:] if end else []
        since = 0 if ends_intra else since


def _middle(side: int) -> slice:
    length = min(side, max(MIDDLE, -(-side // 2 // BLOCK) * BLOCK))
    start = (side - length) // 2
    return slice(start, start + length)


def runs(source: Iterable[Span], least: int) -> Iterator[Run]:
    """Of so many frames at least, but at the end of a scene and of all."""
    run = list[Span]()
    for span in source:
        run.append(span)
        if span.ends_scene or (span.ends_intra and sum(part.end for part in run) >= least):
            yield run
            run = []
    if run:
        yield run


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
