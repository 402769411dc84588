"""The progress line."""

import io
import os
import subprocess
import sys
from fractions import Fraction

import pytest

from kbvc_jax.runtime import progress as module
from kbvc_jax.runtime.progress import (
    CLEAR,
    COLOUR,
    PLAIN,
    Progress,
    compiling,
    describe,
    fitted,
    kilobits_per_second,
)


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
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    progress = Progress(quiet)
    progress.start("compiling")
    for frame in (1, 2, 3):
        progress.step(frame, 3)
    progress.say("done")
    lines = [
        "compiling",
        "[=============       ] 2/3 frames, 10.00 fps, 0:00 left",
        "[====================] 3/3 frames, 7.50 fps, 0:00 left",
    ]
    lines = [] if quiet else lines
    expected = "".join(CLEAR + line for line in lines) + ("" if quiet else f"{CLEAR}done\n")
    assert stream.getvalue() == expected


def test_a_log_gets_whole_lines_and_few(monkeypatch):
    stream, clock = io.StringIO(), iter([0.0, 0.0, 5.0, 11.0])
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(module, "_compiled", set())
    progress = Progress(quiet=False)
    progress.start(compiling(416, 240))
    progress.step(1, None)
    progress.step(2, None)
    assert stream.getvalue() == "compiling for 416x240, once\n2 frames, 0.18 fps\n"
    assert [compiling(416, 240), compiling(416, 256)] == ["", "compiling for 416x256, once"]


def test_a_line_is_never_wider_than_the_terminal():
    line = "8/16 frames, 3.00 fps"
    assert fitted(line, 0.5, 80, colour=False) == f"[==========          ] {line}"
    assert fitted(line, 0.5, 35, colour=False) == f"[=====     ] {line}"
    assert fitted(line, 0.5, 29, colour=False) == line
    assert fitted(line, 0.5, 10, colour=False) == "8/16 fram"
    assert fitted(line, None, 80, colour=True) == line


PROGRAM = """
import time
from kbvc_jax.runtime.progress import Progress
progress = Progress(quiet=False)
progress.start("compiling for 32x32, once")
time.sleep(0.15)
progress.step(1, 4)
progress.say("done")
"""


@pytest.mark.parametrize(
    ("environment", "rewritten", "coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_a_real_terminal_sees_what_it_can_show(environment, rewritten, coloured):
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")
    ours, theirs = pty.openpty()
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stderr=theirs,
            env=inherited | environment,
            check=True,
            timeout=60,
        )
        said = terminal.read(10_000).decode()
        os.close(theirs)
    assert said.startswith((CLEAR if rewritten else "") + "compiling for 32x32, once")
    assert ("[" in said and CLEAR in said) == rewritten
    assert (COLOUR in said and PLAIN in said) == coloured
    assert said.endswith((CLEAR if rewritten else "") + "done\r\n")
    assert said.count("\n") == (1 if rewritten else 2)
