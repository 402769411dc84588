import platform
import subprocess
import sys

import pytest

CODE = """
import resource
from kbvc_jax.runtime.heap import keep_freed_memory

def faults():
    b"x" * 2**28  # 65,536 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

{}
before = faults()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told")
def test_kept_memory_is_not_cleared_again():
    def pages(call: str) -> int:
        command = [sys.executable, "-c", CODE.format(call)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert pages("keep_freed_memory()") < 100 < 10_000 < pages("")
