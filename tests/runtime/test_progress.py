"""The progress line."""

import io
import sys
from fractions import Fraction

import pytest

from kbvc_jax.runtime import progress as module
from kbvc_jax.runtime.progress import CLEAR, Progress, describe, kilobits_per_second


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_line_has_frames_speed_rate_and_time_left():
    line = describe(frames=30, total=90, seconds=10.0, kilobits=123.45)
    assert line == "30/90 frames, 3.00 fps, 123.5 kb/s, 0:20 left"


def test_what_is_unknown_is_left_out():
    assert describe(frames=30, total=None, seconds=10.0, kilobits=None) == "30 frames, 3.00 fps"


def test_kilobits_count_the_second_of_video_not_of_work():
    assert kilobits_per_second(1000, frames=24, rate=Fraction(24)) == 8.0


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_sees_one_line_rewritten_in_place(monkeypatch, quiet):
    stream, clock = Terminal(), iter([0.0, 0.0, 0.05, 0.2, 0.4])
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    progress = Progress(quiet)
    progress.start()
    for frame in (1, 2, 3):
        progress.step(frame, 3)
    progress.say("done")
    lines = [] if quiet else ["2/3 frames, 10.00 fps, 0:00 left", "3/3 frames, 7.50 fps, 0:00 left"]
    expected = "".join(CLEAR + line for line in lines) + ("" if quiet else f"{CLEAR}done\n")
    assert stream.getvalue() == expected


def test_a_log_gets_whole_lines_and_few(monkeypatch):
    stream, clock = io.StringIO(), iter([0.0, 0.0, 5.0, 11.0])
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    progress = Progress(quiet=False)
    progress.start()
    progress.step(1, None)
    progress.step(2, None)
    assert stream.getvalue() == "2 frames, 0.18 fps\n"
