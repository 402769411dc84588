"""A file that appears under its name only when it is whole."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kbvc_jax.errors import InputError


@contextlib.contextmanager
def whole_file(path: str | Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Opens a file beside `path` for writing and renames it at a clean end; "-" is stdout."""
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    if path.exists() and not path.is_file():  # a device or a named pipe stays what it is
        with _to_device(path) as file:
            yield file
        return
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; pass -y to overwrite it")
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror})") from None
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except OSError as error:
        _remove(beside)
        raise InputError(f"{path}: cannot write it ({error.strerror})") from None
    except BaseException:
        _remove(beside)
        raise


@contextlib.contextmanager
def _to_device(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot write it ({error.strerror})") from None


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
