"""What commands that code nothing wait for: their own few modules."""

import subprocess
import sys

import pytest

from kbvc_jax.selftest import ASSETS

SLOW = {"jax", "flax", "numpy", "matplotlib", "PIL", "av", "constriction", "ml_collections"}
PROGRAM = """
import contextlib, io, sys
from kbvc_jax.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
print(*sorted({module.split(".")[0] for module in sys.modules}))
"""


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["encode", "--help"],
        ["completion", "bash"],
        ["info", str(ASSETS / "clip.kbvc")],
        ["info", str(ASSETS / "clip.kbvc"), "--json"],
        ["decode", "missing.kbvc", "out.y4m"],
        ["play", "missing.kbvc"],
    ],
)
def test_it_starts_without_the_libraries_that_take_long(argv):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv], capture_output=True, text=True, check=True
    )
    assert not SLOW & set(done.stdout.split())
