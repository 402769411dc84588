"""The room's door: bytes need no network."""

import subprocess
import sys


def test_coding_imports_neither_jax_nor_the_models():
    program = (
        "import sys, kbvc_jax.coding.container, kbvc_jax.coding.coder\n"
        "found = {'jax', 'flax', 'kbvc_jax.models', 'kbvc_jax.video'} & set(sys.modules)\n"
        "sys.exit(', '.join(found) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
