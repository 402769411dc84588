"""What an encoder may be asked for."""

import dataclasses

from kbvc_jax.errors import InputError
from kbvc_jax.pipeline.schedule import MAX_GOP

AUTO_EFFORT = 16


@dataclasses.dataclass(frozen=True)
class Options:
    gop: int | str = 8  # frames from one closing frame to the next, or "auto"
    keyint: int | None = None  # frames from one I-frame to the next, at most; see `intra_period`
    effort: int = 0  # at least: see `steps`
    paper: bool = False  # as the paper has it: nothing is predicted in time or fused

    def __post_init__(self):
        if not (self.auto or (isinstance(self.gop, int) and 1 <= self.gop <= MAX_GOP)):
            raise InputError(f"gop {self.gop}: must be from 1 to {MAX_GOP}, or auto")
        if self.effort < 0:
            raise InputError(f"effort {self.effort}: must be 0 or more")
        least = 1 if self.auto else self.gop
        if self.keyint is not None and self.keyint < int(least):
            raise InputError(f"keyint {self.keyint}: must be {least} or more")

    @property
    def auto(self) -> bool:
        return self.gop == "auto"

    @property
    def steps(self) -> int:
        """Of refinement (refinement.py), of frames that others refer to. Auto has time for some."""
        return max(self.effort, AUTO_EFFORT if self.auto else 0)

    @property
    def intra_period(self) -> int:
        """Without a `keyint` one group; with gop auto, the longest."""
        return self.keyint or (MAX_GOP if self.auto else int(self.gop))

    @property
    def longest(self) -> int:
        """Group of pictures."""
        return min(MAX_GOP, self.intra_period) if self.auto else int(self.gop)
