"""PSNR while encoding: source frames wait for their reconstruction, a group of pictures at most."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import UInt

from kbvc_jax.evaluation.metrics import psnr

Frame = UInt[np.ndarray, "h w 3"]


class Comparison:
    """Pass the source through `remember`, and `compare` to the encoder as its `on_frame`."""

    def __init__(self, bit_depth: int):
        self._peak = 2**bit_depth - 1
        self._waiting: deque[Frame] = deque()
        self._decibels: list[float] = []

    def remember(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self._waiting.append(frame)
            yield frame

    def compare(self, index: int, decoded: Frame) -> None:
        """Frames come in display order."""
        assert index == len(self._decibels)
        self._decibels.append(psnr(self._waiting.popleft(), decoded, self._peak))

    @property
    def psnr(self) -> float:
        """The mean over frames."""
        return sum(self._decibels) / len(self._decibels)
