"""The folder of a recipe: a run of each stage, side by side.

recipe.json   the names of the stages, in order
NAME/         the run of one (run_folder.py)
"""

import contextlib
import json
from collections.abc import Iterator, Sequence

import jax
from etils import epath

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.checkpoints import saved_steps
from kbvc_jax.training.recipe import Recipe
from kbvc_jax.training.run_folder import (
    CONFIG_FILE,
    RECIPE_FILE,
    make_folder,
    refuse_other_config,
    replace_text,
)


@contextlib.contextmanager
def open_recipe(
    root: epath.PathLike, recipe: Recipe, chosen: Sequence[str]
) -> Iterator[epath.Path]:
    """Makes the folder or goes on in it; refuses one in which a chosen stage is something else.

    A start that fails before its first stage has begun leaves nothing behind.
    """
    folder = epath.Path(root)
    if (folder / CONFIG_FILE).exists():
        raise InputError(
            f"{folder}: holds a single run, not the stages of a recipe; "
            "choose another folder with --run"
        )
    known = _stage_names(folder)
    if not set(known) <= set(recipe.names):
        raise InputError(
            f"{folder}: holds the stages {', '.join(known)}; this configuration has others "
            f"({', '.join(recipe.names)}); choose another folder with --run"
        )
    for name in chosen:
        refuse_other_config(folder / name, recipe[name])
    if jax.process_index() != 0:
        yield folder
        return
    made, path = make_folder(folder), folder / RECIPE_FILE
    replace_text(path, json.dumps({"stages": recipe.names}, indent=2) + "\n")
    try:
        yield folder
    except BaseException:
        if not known and not any((folder / name / CONFIG_FILE).exists() for name in recipe.names):
            path.unlink()
            for own in made:
                with contextlib.suppress(OSError):  # another's by now
                    own.rmdir()
        raise


def runs_in(source: epath.PathLike) -> list[epath.Path]:
    """Of a recipe's folder, the stages that have a checkpoint, in order; else `source` itself."""
    folder = epath.Path(source)
    if not (folder / RECIPE_FILE).exists():
        return [folder]
    return [folder / name for name in _stage_names(folder) if saved_steps(folder / name)]


def _stage_names(folder: epath.Path) -> list[str]:
    """None where there is no recipe."""
    path = folder / RECIPE_FILE
    try:
        return json.loads(path.read_text())["stages"] if path.exists() else []
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: does not list the stages of a recipe ({error})") from None
