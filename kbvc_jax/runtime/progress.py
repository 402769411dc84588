"""What a command says while it works: lines on stderr, and one progress line rewritten in place."""

import os
import sys
import time
from fractions import Fraction

TERMINAL_INTERVAL, LOG_INTERVAL = 0.1, 10.0  # seconds between progress lines
CLEAR = "\r\x1b[K"
COLOUR, PLAIN = "\x1b[32m", "\x1b[0m"  # of the bar
BAR, LEAST_BAR = 20, 5  # characters


class Progress:
    """Call `step` with the frames done, `say` for a line of its own. Silent if quiet."""

    def __init__(self, quiet: bool):
        self._quiet, self._terminal = quiet, on_terminal()
        self._began = time.perf_counter()
        self._interval = TERMINAL_INTERVAL if self._terminal else LOG_INTERVAL
        self._next = self._interval

    def start(self, phase: str = "") -> None:
        """The clock starts here, after the weights are loaded; `phase` lasts to the first step."""
        self._began, self._next = time.perf_counter(), self._interval
        if phase:
            self._show(phase)

    def step(self, frames: int, total: int | None, kilobits: float | None = None) -> None:
        seconds = time.perf_counter() - self._began
        if seconds < self._next:
            return
        self._next = seconds + self._interval
        line = describe(frames, total, seconds, kilobits)
        self._show(line, frames / total if total else None)

    def say(self, line: str) -> None:
        if not self._quiet:
            print(f"{CLEAR if self._terminal else ''}{line}", file=sys.stderr, flush=True)

    def _show(self, line: str, done: float | None = None) -> None:
        """In place of what a terminal shows, behind a bar of what is done."""
        if self._quiet:
            return
        colour = not os.environ.get("NO_COLOR")  # no-color.org
        text = f"{CLEAR}{fitted(line, done, _columns(), colour)}" if self._terminal else line
        print(text, end="" if self._terminal else "\n", file=sys.stderr, flush=True)


def fitted(line: str, done: float | None, columns: int, colour: bool) -> str:
    """Within a terminal's width, for only one line can be rewritten; a bar where there is room."""
    room = min(columns - len(line) - len("[] ") - 1, BAR)
    if done is None or room < LEAST_BAR:
        return line[: columns - 1]
    bar = ("=" * round(min(done, 1.0) * room)).ljust(room)
    return f"[{COLOUR}{bar}{PLAIN}] {line}" if colour else f"[{bar}] {line}"


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):  # a terminal that does not say
        return 80


def on_terminal() -> bool:
    """One on which a line can be rewritten."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


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


_compiled = set[tuple[int, int]]()


def compiling(width: int, height: int) -> str:
    """What a process does before its first frame of a size; before later ones nothing."""
    new = (width, height) not in _compiled
    _compiled.add((width, height))
    return f"compiling for {width}x{height}, once" if new else ""


def kilobits_per_second(size: int, frames: int, rate: Fraction) -> float:
    """Of a stream of `size` bytes, by the second of video."""
    return float(size * 8 * rate / frames) / 1000
