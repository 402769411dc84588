"""A config of several stages, and the overrides of all and of one."""

import dataclasses

import pytest

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.recipe import Recipe, StageConfig, check_training, parse_training

FILE = """\
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

def get_config():
    first = TrainConfig(stage="interpolator", steps=10)
    return Recipe((StageConfig("first", first), StageConfig("second", TrainConfig(steps=20))))
"""


@pytest.fixture
def parse(tmp_path):
    path = tmp_path / "configs" / "staged.py"
    path.parent.mkdir()
    path.write_text(FILE)

    def parse(*overrides: str) -> Recipe:
        found = parse_training(overrides, path)
        assert isinstance(found, Recipe)
        return found

    return parse


def test_stages_are_found_by_name_and_keep_their_order(parse):
    recipe = parse()
    assert recipe.names == ("first", "second")
    assert (recipe["first"].steps, recipe["second"].steps) == (10, 20)


def test_a_key_alone_is_that_of_all_stages(parse):
    recipe = parse("--config.model.kernel_size=51", "--config.seed", "3")
    assert recipe.model.kernel_size == 51
    assert all(stage.train.seed == 3 for stage in recipe.stages)


@pytest.mark.parametrize("own", [["--config.second.steps=5"], ["--config.second.steps", "5"]])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_key_of_one_stage_counts_before_that_of_all_in_either_order(parse, own, turn):
    parts = [own, ["--config.steps=7"]][::turn]
    recipe = parse(*parts[0], *parts[1])
    assert (recipe["first"].steps, recipe["second"].steps) == (7, 5)


def test_a_key_of_one_stage_may_be_nested(parse):
    recipe = parse("--config.first.optimiser.learning_rate=0.5")
    assert recipe["first"].optimiser.learning_rate == 0.5
    assert recipe["second"].optimiser == TrainConfig().optimiser


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--config.third.steps=5", ("no stage and no key 'third'", "stages: first, second; keys:")),
        ("--config.second.stepps=5", ("second: no key 'stepps'", "steps (int)")),
        ("--config.second.steps=few", ("second: steps=few: must be int",)),
        ("--config.second=5", ("second is a stage", "--config.second.steps=100")),
        ("--config.steps=few", ("staged.py: steps=few: must be int",)),
        ("--config.second.model.kernel_size=51", ("'second': trains another model than 'first'",)),
        ("steps=5", ("'steps=5' is no override",)),
        ("--config.second.steps", ("overrides are --config.KEY=VALUE",)),
    ],
)
def test_a_wrong_override_is_named_in_one_line(parse, argument, words):
    with pytest.raises(InputError) as caught:
        parse(argument)
    said = str(caught.value)
    assert all(word in said for word in words) and "\n" not in said, said


def test_an_unknown_stage_names_those_there_are(parse):
    with pytest.raises(InputError, match="no stage 'third'; stages: first, second"):
        parse()["third"]


def test_a_stage_that_could_not_train_is_named(parse):
    data = "--config.second.data.crop=100,100"
    with pytest.raises(InputError, match=r"stage second: data\.crop=\(100, 100\)"):
        check_training(parse(data, "--config.validation.clips=0"), devices=1)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "at least one stage"),
        (("image", "image"), "two of that name"),
        (("steps",), "no key"),
        (("../image",), "lower-case word"),
    ],
)
def test_names_that_folders_and_overrides_could_not_have_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        Recipe(tuple(StageConfig(name, TrainConfig()) for name in names))


def test_stages_of_different_models_are_refused():
    other = dataclasses.replace(TrainConfig(), model=ModelConfig(kernel_size=51))
    with pytest.raises(ValueError, match="'b': trains another model than 'a'"):
        Recipe((StageConfig("a", TrainConfig()), StageConfig("b", other)))
