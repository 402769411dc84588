"""A run's folder: one process trains in it at a time, and one configuration ever.

config.json    what is trained          metrics.jsonl, events.*   what happened
checkpoints/   see checkpoints.py       curve.png, sample.png     the latest validation

Runs of a recipe's stages lie side by side in a folder of their own (recipe_folder.py).
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator

import jax
from etils import epath

from kbvc_jax.config import from_json
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.lock import try_lock
from kbvc_jax.training.config import TrainConfig, differences

CONFIG_FILE = "config.json"
RECIPE_FILE = "recipe.json"


@contextlib.contextmanager
def open_run(path: epath.PathLike, config: TrainConfig) -> Iterator[epath.Path]:
    """Makes or continues a run; refuses one that is in use or trains something else.

    A start that fails before `keep_config` leaves no run behind.
    """
    folder = epath.Path(path)
    refuse_other_config(folder, config)
    if jax.process_index() != 0:
        yield folder
        return
    made = make_folder(folder)
    with _lock(folder), _removed_unless_begun(made):
        yield folder
        keep_config(folder, config)


def keep_config(folder: epath.Path, config: TrainConfig) -> None:
    """From here on the folder is this configuration's."""
    if jax.process_index() == 0:
        text = json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"
        replace_text(folder / CONFIG_FILE, text)


def replace_text(path: epath.Path, text: str) -> None:
    """A process that is killed meanwhile leaves the old file."""
    beside = path.parent / f".{path.name}"
    beside.write_text(text)
    beside.replace(path)


def refuse_other_config(folder: epath.Path, config: TrainConfig) -> None:
    if (folder / RECIPE_FILE).exists():
        raise InputError(
            f"{folder}: holds the runs of a recipe's stages; choose another folder with --run"
        )
    if not (folder / CONFIG_FILE).exists():
        return
    if fields := differences(config, read_config(folder)):
        raise InputError(
            f"{folder}: holds a run of another configuration ({'; '.join(fields)}); "
            "choose another folder with --run, or the configuration it was started with"
        )


def read_config(folder: epath.PathLike) -> TrainConfig:
    path = epath.Path(folder) / CONFIG_FILE
    try:
        return from_json(TrainConfig, json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder}: no readable run there ({CONFIG_FILE}: {reason})") from None


def make_folder(folder: epath.Path) -> list[epath.Path]:
    """The folders that were not there, the innermost first."""
    new = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return []
    return [folder, *new]


@contextlib.contextmanager
def _removed_unless_begun(made: list[epath.Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if made and not (made[0] / CONFIG_FILE).exists():
            made[0].rmtree()
            for parent in made[1:]:
                with contextlib.suppress(OSError):  # another run's by now
                    parent.rmdir()
        raise


@contextlib.contextmanager
def _lock(folder: epath.Path) -> Iterator[None]:
    if "://" in str(folder):  # no locks on object stores
        yield
        return
    with open(folder / "lock", "w") as file:
        try:
            try_lock(file)
        except OSError:
            raise InputError(
                f"{folder}: another process trains in it; stop that one or choose another --run"
            ) from None
        yield
