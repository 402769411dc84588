"""Several inputs to a folder: a name for each output; one that fails does not stop the rest."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import BAD_INPUT, warn

Job = tuple[str, str]  # a source, and where it goes


def is_folder(name: str) -> bool:
    """Or is to be one."""
    return name.endswith(("/", os.sep)) or Path(name).is_dir()


def into_folder(sources: Sequence[str], folder: str, suffix: str) -> list[Job]:
    """Each under its own name; the folder is made."""
    if not is_folder(folder):
        raise InputError(
            f"{folder}: is no folder, which several outputs need; end it in a slash, and it is made"
        )
    names: dict[str, str] = {}
    for source in sources:
        if source == "-":
            raise InputError(f"-: a pipe has no name for a file in {folder}; name a file")
        path = Path(os.path.abspath(source))
        name = (path.name if path.is_dir() else path.stem) + suffix
        if name in names:
            raise InputError(
                f"{source}: would be {name} as {names[name]} is; write them to two folders"
            )
        names[name] = source
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make it ({error.strerror})") from None
    return [(source, str(Path(folder, name))) for name, source in names.items()]


def run_each(jobs: Sequence[Job], run: Callable[[str, str], int | None]) -> int:
    """The exit status: that of bad input if there is any, else the highest."""
    if len(jobs) == 1:
        return run(*jobs[0]) or 0
    statuses = [0]
    for job in jobs:
        try:
            statuses.append(run(*job) or 0)
        except InputError as error:
            warn(str(error))
            statuses.append(BAD_INPUT)
    return BAD_INPUT if BAD_INPUT in statuses else max(statuses)
