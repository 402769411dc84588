"""An environment of its own for TensorFlow Compression, which cannot share one with current JAX."""

import fcntl
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / ".venv-reference"
# The operators ask for the whole of TensorFlow; its CPU build has the same interface.
PACKAGES = ["tensorflow-cpu==2.17.1", f"constriction=={version('constriction')}", "jaxtyping"]
OPERATORS = "tensorflow-compression-ops==2.17.0"


def reference_python() -> Path:
    """Its interpreter; made once and kept. Skips the test where it cannot be installed."""
    environment, made = FOLDER / "environment", FOLDER / "made-of.txt"
    python = environment / "bin" / "python"
    recipe = "\n".join([sys.version, *PACKAGES, OPERATORS])
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.read_text() != recipe:
            _run(sys.executable, "-m", "venv", "--clear", str(environment))
            pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(*pip, *PACKAGES)
            _run(*pip, "--no-deps", OPERATORS)
            made.write_text(recipe)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        pytest.skip(f"TensorFlow Compression cannot be installed here: {lines[-1]}")
