"""What a command says while it works: lines on stderr, and one progress line rewritten in place."""

import sys
import time
from fractions import Fraction

TERMINAL_INTERVAL, LOG_INTERVAL = 0.1, 10.0  # seconds between progress lines
CLEAR = "\r\x1b[K"


class Progress:
    """Call `step` with the frames done, `say` for a line of its own. Silent if quiet."""

    def __init__(self, quiet: bool):
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._began = time.perf_counter()
        self._interval = TERMINAL_INTERVAL if self._terminal else LOG_INTERVAL
        self._next = self._interval

    def start(self) -> None:
        """The clock starts here, after the weights are loaded."""
        self._began, self._next = time.perf_counter(), self._interval

    def step(self, frames: int, total: int | None, kilobits: float | None = None) -> None:
        seconds = time.perf_counter() - self._began
        if self._quiet or seconds < self._next:
            return
        self._next = seconds + self._interval
        line = describe(frames, total, seconds, kilobits)
        text = f"{CLEAR}{line}" if self._terminal else f"{line}\n"
        print(text, end="", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        if not self._quiet:
            print(f"{CLEAR if self._terminal else ''}{line}", file=sys.stderr, flush=True)


def describe(frames: int, total: int | None, seconds: float, kilobits: float | None) -> str:
    """Frames, speed, rate of the stream, time left."""
    speed = frames / seconds
    parts = [f"{frames}/{total} frames" if total else f"{frames} frames", f"{speed:.2f} fps"]
    if kilobits is not None:
        parts.append(f"{kilobits:.1f} kb/s")
    if total and speed:
        minutes, rest = divmod(round(max(total - frames, 0) / speed), 60)
        parts.append(f"{minutes}:{rest:02d} left")
    return ", ".join(parts)


def kilobits_per_second(size: int, frames: int, rate: Fraction) -> float:
    """Of a stream of `size` bytes, by the second of video."""
    return float(size * 8 * rate / frames) / 1000
