"""When to stop before the last step: a signal, or the time is up. All hosts at the same step.

One may serve several runs, one after the other: the time is that of all of them together.
"""

import signal
import time
from types import FrameType

import jax
import numpy as np
from jax.experimental import multihost_utils

from kbvc_jax.training.checkpoints import Checkpoints

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ASK_EVERY = 10  # steps between questions to the other hosts


def on_all_hosts(first: bool) -> bool:
    """What the first host has decided, on every one of them."""
    if jax.process_count() == 1:
        return first
    return bool(multihost_utils.broadcast_one_to_all(np.array(first)))


class Stopping:
    """Inside `with` it listens to signals; its time runs from the first `with` on."""

    def __init__(self, seconds: float | None = None):
        self._seconds, self._deadline = seconds, None
        self._signalled = False
        self._previous = {}

    def __enter__(self) -> "Stopping":
        if self._seconds is not None and self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        if jax.process_count() == 1:  # else jax.distributed listens, and tells the other hosts
            self._previous = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def before_another_run(self) -> bool:
        """Whether to begin no run after the one that has just ended."""
        return on_all_hosts(self._late or self._signalled)

    @property
    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def at(self, step: int, checkpoints: Checkpoints) -> bool:
        late = self._late
        if jax.process_count() == 1:
            return late or self._signalled
        if self._deadline is not None and step % _ASK_EVERY == 0:
            late = on_all_hosts(late)
            if late:
                return True
        return checkpoints.preempted(step)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:  # a second one means it
            raise KeyboardInterrupt
        self._signalled = True
