"""What the shell sees when a command ends."""

import subprocess
import sys

import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import exit_status


def _raise(error):
    raise error


@pytest.mark.parametrize(
    ("command", "status", "line"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (lambda: _raise(InputError("a.mp4: two\n lines")), 2, "kbvc: a.mp4: two lines\n"),
        (lambda: _raise(KeyboardInterrupt()), 130, "kbvc: interrupted\n"),
    ],
)
def test_a_command_ends_with_its_status_and_one_line(command, status, line, capsys):
    assert exit_status(command) == status
    assert capsys.readouterr().err == line


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 // 0)


def test_a_reader_that_goes_away_leaves_no_traceback():
    code = (
        "import sys; from kbvc_jax.runtime.exit import exit_status\n"
        "sys.exit(exit_status(lambda: print('x' * 2**20)))"
    )
    command = f'"{sys.executable}" -c "{code}" | head -c 1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.heavy
def test_an_interruption_that_a_callback_swallows_comes_again():
    code = (
        "import os, signal, sys, time; from kbvc_jax.runtime.exit import exit_status\n"
        "class Swallows:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGINT)\n"
        "def command():\n"
        "    Swallows()\n"
        "    time.sleep(9)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(exit_status(command))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "kbvc: interrupted\n")


def test_a_full_disk_is_one_line_and_no_second_failure_at_exit():
    code = (
        "import sys; from kbvc_jax.runtime.exit import exit_status\n"
        "sys.exit(exit_status(lambda: print('x' * 10)))"
    )
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "kbvc: output: No space left on device\n")
