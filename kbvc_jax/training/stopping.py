"""When to stop before the last step: a signal, or the time is up. All hosts at the same step."""

import signal
import time
from types import FrameType

import jax
import numpy as np
from jax.experimental import multihost_utils

from kbvc_jax.training.checkpoints import Checkpoints

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ASK_EVERY = 10  # steps between questions to the other hosts


class Stopping:
    def __init__(self, seconds: float | None):
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._signalled = False
        self._previous = {}

    def __enter__(self) -> "Stopping":
        if jax.process_count() == 1:  # else jax.distributed listens, and tells the other hosts
            self._previous = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def at(self, step: int, checkpoints: Checkpoints) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        if jax.process_count() == 1:
            return late or self._signalled
        if self._deadline is not None and step % _ASK_EVERY == 0:
            late = bool(multihost_utils.broadcast_one_to_all(np.array(late)))
            if late:
                return True
        return checkpoints.preempted(step)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:  # a second one means it
            raise KeyboardInterrupt
        self._signalled = True
