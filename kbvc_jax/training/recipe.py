"""A model that is trained in stages: training configurations by name, in order.

--config.KEY=VALUE sets a field of every stage, --config.NAME.KEY=VALUE that of one, which counts
before the former.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from kbvc_jax.config import load_config, parse_overrides, split_path
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.training.config import TrainConfig, check

_KEYS = tuple(field.name for field in dataclasses.fields(TrainConfig))


@dataclasses.dataclass(frozen=True)
class StageConfig:
    name: str  # also of its folder
    # Weights of the stages before it come on top of those of its own init_from.
    train: TrainConfig


@dataclasses.dataclass(frozen=True)
class Recipe:
    stages: tuple[StageConfig, ...]

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a recipe has at least one stage")
        for name in self.names:
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in _KEYS:
                raise ValueError(f"stage {name!r}: must be a lower-case word that is no key")
            if self.names.count(name) > 1:
                raise ValueError(f"stage {name!r}: there are two of that name")
        for stage in self.stages:
            if stage.train.model != self.model:
                raise ValueError(
                    f"stage {stage.name!r}: trains another model than {self.names[0]!r}; "
                    "set --config.model.KEY for all stages"
                )

    def __getitem__(self, name: str) -> TrainConfig:
        for stage in self.stages:
            if stage.name == name:
                return stage.train
        raise InputError(f"no stage {name!r}; stages: {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)

    @property
    def model(self) -> ModelConfig:
        return self.stages[0].train.model


def parse_training(argv: Sequence[str], default: str | Path | None = None) -> TrainConfig | Recipe:
    """As parse_config, of a file that returns either."""
    path, overrides = split_path(argv, default)
    config, where = load_config(path, TrainConfig, Recipe), str(path)
    if isinstance(config, TrainConfig):
        return parse_overrides(config, overrides, where)
    shared, own = _sort(overrides, config.names, where)
    stages = []
    for stage in config.stages:
        train = parse_overrides(stage.train, shared, where)
        train = parse_overrides(train, own[stage.name], f"{where}: {stage.name}")
        stages.append(StageConfig(stage.name, train))
    try:
        return Recipe(tuple(stages))
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def check_training(config: TrainConfig | Recipe, devices: int) -> None:
    """Refuses, before anything compiles, what could not train, of any stage."""
    if isinstance(config, TrainConfig):
        return check(config, devices)
    for stage in config.stages:
        with about(f"stage {stage.name}"):
            check(stage.train, devices)


def _sort(
    argv: Sequence[str], names: Sequence[str], where: str
) -> tuple[list[str], dict[str, list[str]]]:
    """The overrides of all stages, and those of each."""
    shared: list[str] = []
    own: dict[str, list[str]] = {name: [] for name in names}
    arguments = iter(argv)
    for argument in arguments:
        match = re.match(r"--?config\.([^.=]+)(\.[^=]+)?(?P<equals>=)?", argument)
        if match is None:
            shared.append(argument)
            continue
        first, rest = match[1], match[2]
        value = [] if match["equals"] else [*filter(None, [next(arguments, None)])]
        if first in _KEYS:
            shared += [argument, *value]
        elif first not in own:
            raise InputError(
                f"{where}: no stage and no key {first!r}; stages: {', '.join(names)}; "
                f"keys: {', '.join(_KEYS)}"
            )
        elif rest is None:
            raise InputError(
                f"{where}: {first} is a stage; set a key of it, as --config.{first}.steps=100"
            )
        else:
            own[first] += [argument.replace(f".{first}.", ".", 1), *value]
    return shared, own
