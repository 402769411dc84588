"""What a user did wrong, in one line."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


class InputError(Exception):
    """Bad input: what was wrong, where, and what would be right. Entry points exit 2 on it."""


@contextlib.contextmanager
def about(file: str | Path) -> Iterator[None]:
    """Bad input found inside is that file's, and its line says so."""
    try:
        yield
    except InputError as error:
        if str(error).startswith(str(file)):
            raise
        raise InputError(f"{file}: {error}") from None
