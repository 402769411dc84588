"""The project's own scripts, run by those here that need several of them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def script(arguments: Sequence[object]) -> None:
    """Python with these arguments, from the repository's root. One that fails has said why."""
    if status := subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT).returncode:
        raise SystemExit(status)
