"""Exit statuses that every entry point shares."""

import os
import sys
from collections.abc import Callable

from kbvc_jax.cli.progress import CLEAR
from kbvc_jax.errors import InputError

BAD_INPUT, INTERRUPTED, CLOSED_PIPE = 2, 130, 141


def exit_status(command: Callable[[], int | None], name: str = "kbvc") -> int:
    """Runs a command; bad input and Ctrl-C end it in one line, without a traceback."""
    try:
        return command() or 0
    except InputError as error:
        _say(f"{name}: {' '.join(str(error).split())}")
        return BAD_INPUT
    except KeyboardInterrupt:
        _say(f"{name}: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; a second failure at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE


def _say(line: str) -> None:
    print(f"{CLEAR}{line}" if sys.stderr.isatty() else line, file=sys.stderr)
