"""The stages of a recipe, one after the other, from wherever they were left."""

import dataclasses

import jax
from etils import epath

from kbvc_jax.data.sources import find_source
from kbvc_jax.training.checkpoints import saved_steps
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.recipe import Recipe
from kbvc_jax.training.recipe_folder import open_recipe
from kbvc_jax.training.run import run, validation_data
from kbvc_jax.training.stopping import Stopping, on_all_hosts


def run_recipe(
    recipe: Recipe,
    folder: epath.PathLike,
    *,
    only: str | None = None,
    stopping: Stopping | None = None,
) -> None:
    """Trains, or continues, what is not done yet, each stage in folder/NAME from the weights of
    those before it; or the one stage named `only`."""
    chosen = recipe.names if only is None else (only,)
    configs = {name: recipe[name] for name in chosen}
    stopping = stopping or Stopping()
    with open_recipe(folder, recipe, chosen) as root:
        for config in configs.values():
            _find_data(config)  # now, not days later
        for name, config in configs.items():
            if on_all_hosts(finished(root / name, config)):
                _say(f"stage {name}: done at step {saved_steps(root / name)[-1]}")
                continue
            if stopping.before_another_run:
                _say(f"stopped before stage {name}; the same command continues")
                return
            _say(f"stage {name} ({recipe.names.index(name) + 1} of {len(recipe.names)})")
            run(_from_those_before(recipe, root, name), root / name, stopping=stopping)
            if not on_all_hosts(finished(root / name, config)):
                return


def finished(folder: epath.PathLike, config: TrainConfig) -> bool:
    """Whether a run's steps are done, or its patience is at an end."""
    steps = saved_steps(folder)
    if not steps or steps[-1] >= config.steps:
        return bool(steps)
    validations = [row for row in read_rows(folder) if row["kind"] == "validation"]
    best = min(validations, key=lambda row: row["loss"], default={"step": steps[-1]})
    waited = (steps[-1] - best["step"]) // config.validation.every
    return 0 < config.validation.patience <= waited


def _find_data(config: TrainConfig) -> None:
    for data in (config.data, validation_data(config))[: 2 if config.validation.clips else 1]:
        for source in data.sources:
            find_source(source, data)


def _from_those_before(recipe: Recipe, root: epath.Path, name: str) -> TrainConfig:
    """The stage's configuration, its start completed by the runs of the stages before it."""
    config = recipe[name]
    before = recipe.names[: recipe.names.index(name)]
    runs = [str(root / earlier) for earlier in before if saved_steps(root / earlier)]
    sources = [*filter(None, [config.init_from]), *runs]
    if not saved_steps(root / name):
        _say(f"begins from {', '.join(sources) or 'nothing'}")
    return dataclasses.replace(config, init_from=",".join(sources) or None)


def _say(text: str) -> None:
    if jax.process_index() == 0:
        print(text, flush=True)
