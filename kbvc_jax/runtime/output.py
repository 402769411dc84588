"""A file or a folder that appears under its name only when it is whole."""

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from kbvc_jax.runtime.errors import InputError


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
def whole_folder(path: str | Path, overwrite: bool, own: Collection[str]) -> Iterator[Path]:
    """Makes a folder beside `path` to write into and renames it at a clean end.

    Only then an old one goes, and only if it holds nothing but entries of these names.
    """
    target = Path(path).resolve()
    _refuse_loss(path, target, overwrite, own)
    parents = [parent for parent in target.parents if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror})") from None
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())
        if target.exists():
            _exchange(beside, target)
        else:
            beside.rename(target)
    except OSError as error:
        raise InputError(f"{path}: cannot write it ({error.strerror or error})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # gone already, unless something failed
        for parent in parents:
            with contextlib.suppress(OSError):  # it holds the new folder
                parent.rmdir()


@contextlib.contextmanager
def arrays_written(folder: os.PathLike[str] | str, size: int = 0) -> Iterator[None]:
    """`size` bytes, by Orbax, whose threads report a full disk late and at length: better ask
    before. In a bucket there is always room."""
    full = f"{folder}: cannot write it ({os.strerror(errno.ENOSPC)}"
    if "://" not in str(folder):
        there = next(p for p in (Path(folder), *Path(folder).absolute().parents) if p.exists())
        if (free := shutil.disk_usage(there).free) < size:
            raise InputError(f"{full}; {size >> 10} KiB may be needed, {free >> 10} are free)")
    try:
        yield
    except ValueError as error:  # it became full meanwhile
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise InputError(f"{full})") from None


def _refuse_loss(path: str | Path, target: Path, overwrite: bool, own: Collection[str]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{path}: is a file; name a folder")
    if not overwrite:
        raise InputError(f"{path}: exists already; pass -y to overwrite it")
    if others := sorted({entry.name for entry in target.iterdir()} - set(own)):
        raise InputError(f"{path}: holds {others[0]}, which would be lost; name another folder")


def _exchange(new: Path, old: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f".{old.name}.", dir=old.parent))
    try:
        old.rename(aside / "old")
        try:
            new.rename(old)
        except OSError:
            (aside / "old").rename(old)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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
