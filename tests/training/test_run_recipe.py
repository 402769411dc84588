"""The stages of a recipe in one folder: in order, interrupted, continued, one alone."""

import dataclasses
import os
import signal

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.checkpoints import load_run, saved_steps
from kbvc_jax.training.config import OptimiserConfig, ValidationConfig
from kbvc_jax.training.init_from import weights_in
from kbvc_jax.training.recipe import Recipe, StageConfig
from kbvc_jax.training.recipe_folder import runs_in
from kbvc_jax.training.run import run
from kbvc_jax.training.run_folder import open_run, read_config
from kbvc_jax.training.run_recipe import finished, run_recipe
from kbvc_jax.training.stopping import Stopping
from tests.training.stub import Clips, config

RECIPE = Recipe(
    (
        StageConfig("motion", config(stage="interpolator", steps=3)),
        StageConfig("both", config(steps=4)),
        StageConfig("last", config(stage="frame", steps=3)),
    )
)


pytestmark = pytest.mark.usefixtures("stub_runs")


def changed(name: str, **changes) -> Recipe:
    """The recipe with one stage of it changed."""
    return Recipe(
        tuple(
            dataclasses.replace(stage, train=dataclasses.replace(stage.train, **changes))
            if stage.name == name
            else stage
            for stage in RECIPE.stages
        )
    )


def state(folder):
    """All that the latest checkpoint holds of the training."""
    path = folder / "checkpoints" / str(saved_steps(folder)[-1]) / "state"
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(path.resolve())


def assert_same(ours, theirs):
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_stages_run_in_order_each_from_those_before_it(tmp_path, capsys):
    run_recipe(RECIPE, tmp_path / "run")
    assert [saved_steps(tmp_path / "run" / name)[-1] for name in RECIPE.names] == [3, 4, 3]
    said = capsys.readouterr().out
    assert said.index("stage motion (1 of 3)") < said.index("stage both (2 of 3)")
    motion, both, last = (tmp_path / "run" / name for name in RECIPE.names)
    assert read_config(motion).init_from is None
    assert read_config(last).init_from == f"{motion},{both}"
    offset, gain = "interpolator.offset", "image.gain"
    np.testing.assert_array_equal(state(last)["frozen"][offset], load_run(motion)[1][offset])
    np.testing.assert_array_equal(state(last)["frozen"][gain], load_run(both)[1][gain])


@pytest.mark.heavy
def test_stages_stopped_after_every_step_end_with_the_same_weights(tmp_path):
    run_recipe(RECIPE, tmp_path / "whole")
    for _ in range(10):
        run_recipe(RECIPE, tmp_path / "parts", stopping=Stopping(0.0))
    for name in RECIPE.names:
        assert_same(state(tmp_path / "parts" / name), state(tmp_path / "whole" / name))


def test_time_that_is_up_between_two_stages_begins_no_other(tmp_path, capsys):
    stopping = Stopping(0.0)
    run_recipe(changed("motion", steps=1), tmp_path, stopping=stopping)
    assert "stopped before stage both; the same command continues" in capsys.readouterr().out
    assert not (tmp_path / "both").exists()


def test_a_signal_in_the_last_step_of_a_stage_begins_no_other(tmp_path, monkeypatch):
    class Interrupted(Clips):
        def __next__(self):
            if self._step == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__next__()

    monkeypatch.setattr("kbvc_jax.training.run.make_dataset", lambda *_, **__: Interrupted())
    run_recipe(RECIPE, tmp_path)
    assert saved_steps(tmp_path / "motion")[-1] == 3
    assert not (tmp_path / "both").exists()


@pytest.mark.heavy
def test_what_is_done_is_left_as_it_is(tmp_path, capsys):
    run_recipe(RECIPE, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")}
    capsys.readouterr()
    run_recipe(RECIPE, tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said == [f"stage {name}: done at step {RECIPE[name].steps}" for name in RECIPE.names]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")} == before


@pytest.mark.heavy
def test_a_stage_that_shall_be_longer_goes_on(tmp_path):
    run_recipe(RECIPE, tmp_path)
    run_recipe(changed("both", steps=6), tmp_path)
    assert [saved_steps(tmp_path / name)[-1] for name in RECIPE.names] == [3, 6, 3]


@pytest.mark.heavy
def test_a_stage_whose_patience_is_at_an_end_is_done(tmp_path):
    validation = ValidationConfig(data=config().data, clips=8, every=1, patience=2)
    # Nothing is learned, so that the validation of what it begins with stays the best.
    still = changed("both", steps=50, validation=validation, optimiser=OptimiserConfig(0.0))
    run_recipe(still, tmp_path)
    assert saved_steps(tmp_path / "both")[-1] == 2 and finished(tmp_path / "both", still["both"])
    assert saved_steps(tmp_path / "last")[-1] == 3


def test_one_stage_alone(tmp_path, capsys):
    run_recipe(RECIPE, tmp_path, only="motion")
    run_recipe(RECIPE, tmp_path, only="last")
    assert runs_in(tmp_path) == [tmp_path / "motion", tmp_path / "last"]
    assert read_config(tmp_path / "last").init_from == str(tmp_path / "motion")
    assert f"begins from {tmp_path / 'motion'}\n" in capsys.readouterr().out


def test_an_unknown_stage_is_refused(tmp_path):
    with pytest.raises(InputError, match="no stage 'fusion'; stages: motion, both, last"):
        run_recipe(RECIPE, tmp_path / "run", only="fusion")
    assert os.listdir(tmp_path) == []


@pytest.mark.heavy
def test_other_weights_are_where_a_stage_begins_and_those_before_it_count_more(tmp_path):
    run_recipe(RECIPE, tmp_path / "first")
    sources = str(tmp_path / "first")
    run_recipe(changed("both", init_from=sources), tmp_path / "second", only="motion")
    run_recipe(changed("both", init_from=sources), tmp_path / "second", only="both")
    assert weights_in(sources) == [str(tmp_path / "first" / name) for name in RECIPE.names]
    own = tmp_path / "second" / "motion"
    assert read_config(tmp_path / "second" / "both").init_from == f"{sources},{own}"
    started = state(tmp_path / "second" / "both")["frozen"]["interpolator.offset"]
    np.testing.assert_array_equal(started, load_run(own)[1]["interpolator.offset"])


def test_a_recipe_that_has_no_weights_yet_is_no_start(tmp_path):
    (tmp_path / "recipe.json").write_text('{"stages": ["motion"]}')
    with pytest.raises(InputError, match="no stage has a checkpoint yet"):
        run(config(init_from=str(tmp_path)), tmp_path / "run")


def test_a_start_that_is_refused_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="/nowhere"):
        run_recipe(changed("motion", init_from="/nowhere"), tmp_path / "runs" / "a")
    assert os.listdir(tmp_path) == []


def test_a_refused_stage_leaves_those_before_it(tmp_path):
    with pytest.raises(InputError, match="/nowhere"):
        run_recipe(changed("both", init_from="/nowhere"), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["motion", "recipe.json"]


def test_a_stage_of_another_configuration_is_refused_before_any_trains(tmp_path):
    run_recipe(RECIPE, tmp_path, only="last")
    with pytest.raises(InputError, match=r"last: holds a run of another .*seed: 1 here, 0 there"):
        run_recipe(changed("last", seed=1), tmp_path)
    assert not (tmp_path / "motion").exists()


def test_a_folder_of_other_stages_is_refused(tmp_path):
    run_recipe(RECIPE, tmp_path, only="motion")
    with pytest.raises(InputError, match="holds the stages motion, both, last; .* has other"):
        run_recipe(Recipe((StageConfig("other", config()),)), tmp_path)


def test_a_single_run_and_a_recipe_do_not_share_a_folder(tmp_path):
    with open_run(tmp_path / "single", config()):
        pass
    with pytest.raises(InputError, match="holds a single run"):
        run_recipe(RECIPE, tmp_path / "single")
    run_recipe(RECIPE, tmp_path / "staged", only="motion")
    with (
        pytest.raises(InputError, match="holds the runs of a recipe's stages"),
        open_run(tmp_path / "staged", config()),
    ):
        pass
