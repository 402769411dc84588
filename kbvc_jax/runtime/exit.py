"""Exit statuses that every entry point shares."""

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.progress import CLEAR, on_terminal

_SIGNALS = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}
_SOON = 0.05  # seconds: by then the callback has returned
BAD_INPUT, RECOVERED, INTERRUPTED, CLOSED_PIPE, TERMINATED = 2, 3, 130, 141, 143


def exit_status(command: Callable[[], int | None], name: str = "kbvc") -> int:
    """Runs a command; bad input, a full disk and Ctrl-C end it in one line, without a traceback."""
    try:
        with _termination(), _insistence():
            status = command() or 0
        sys.stdout.flush()
        return status
    except InputError as error:
        warn(str(error), name)
        return BAD_INPUT
    except KeyboardInterrupt:
        warn("interrupted", name)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        _abandon_stdout()
        return CLOSED_PIPE
    except OSError as error:
        warn(f"{error.filename or 'output'}: {error.strerror or error}", name)
        _abandon_stdout()
        return BAD_INPUT


def end(command: Callable[[], int | None], name: str) -> NoReturn:
    """The process, by a command whose threads may be at work still: in the midst of XLA they would
    turn Python's own end into an abort."""
    try:
        status = exit_status(command, name)
    except SystemExit as terminated:
        status = int(terminated.code or 0)
    if any(thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


@contextlib.contextmanager
def _termination() -> Iterator[None]:
    """SIGTERM, as of `timeout`, removes what was begun, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def _insistence() -> Iterator[None]:
    """An interruption that comes while a library's callback runs, as JAX's for the garbage
    collector, ends that alone and not the program: then it comes again."""
    usual = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if number := _SIGNALS.get(unraisable.exc_type):
            threading.Timer(_SOON, _thread.interrupt_main, (number,)).start()
        else:
            usual(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual


def _abandon_stdout() -> None:
    """What it still holds would fail a second time at exit, with a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(line: str, name: str = "kbvc") -> None:
    """On stderr, asked to be quiet or not."""
    line = f"{name}: {' '.join(line.split())}"
    print(f"{CLEAR}{line}" if on_terminal() else line, file=sys.stderr, flush=True)
