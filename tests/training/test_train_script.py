"""What train.py says before anything compiles."""

import os
import subprocess
import sys

import jax.numpy as jnp
import pytest

import train
from kbvc_jax.training.checkpoints import Checkpoints, saved_steps
from kbvc_jax.training.config import CheckpointConfig
from kbvc_jax.training.run_folder import open_run, read_config
from kbvc_jax.training.step import initial_state
from tests.training.stub import config

SMOKE = "--config=configs/smoke.py"
SMALL = "--config=configs/small.py"
STAGED = """\
from kbvc_jax.training.recipe import Recipe, StageConfig
from tests.training.stub import config

def get_config():
    first, second = config(stage="interpolator"), config()
    return Recipe((StageConfig("first", first), StageConfig("second", second)))
"""


@pytest.fixture
def refused(capsys, tmp_path):
    """The line that a refused command says; nothing is left of it."""

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert train.main([*arguments, f"--run={tmp_path / 'run'}"]) == 2
        assert sorted(tmp_path.rglob("*")) == before
        said = capsys.readouterr().err
        assert said.startswith("train.py: ") and said.count("\n") == 1, said
        return said

    return run


def test_missing_data_are_named(refused):
    assert "/nowhere/assets: no such folder" in refused(SMOKE, "--config.data.root=/nowhere")


def test_an_unknown_key_lists_those_there_are(refused):
    said = refused(SMOKE, "--config.optimiser.colour=3")
    assert "no key 'optimiser.colour'" in said and "optimiser.learning_rate" in said


def test_a_batch_that_devices_do_not_divide_is_refused(refused, monkeypatch):
    monkeypatch.setattr("jax.device_count", lambda: 3)
    assert "batch_size=4 cannot be divided among 3 devices" in refused(SMOKE)


def test_a_run_folder_in_use_is_refused(refused, tmp_path):
    from kbvc_jax.config import load_config
    from kbvc_jax.training.config import TrainConfig

    with open_run(tmp_path / "run", load_config("configs/smoke.py", TrainConfig)):
        assert "another process trains in it" in refused(SMOKE)


def test_a_run_of_another_configuration_is_refused(refused, tmp_path):
    with open_run(tmp_path / "run", config()):
        pass
    assert "model.kernel_size: 7 here, 31 there" in refused(SMOKE)


def test_an_unknown_start_is_named(refused):
    assert "/nowhere" in refused(SMOKE, "--config.init_from=/nowhere")


@pytest.mark.heavy
def test_a_start_of_another_shape_is_named(refused, tmp_path):
    state = initial_state({"image.gain": jnp.zeros(3)}, {}, config().optimiser)
    with (
        open_run(tmp_path / "stub", config()) as folder,
        Checkpoints(folder, CheckpointConfig()) as checkpoints,
    ):
        checkpoints.save(state, 3, {})
    assert "holds none of this model's" in refused(SMOKE, f"--config.init_from={tmp_path / 'stub'}")


def test_pictures_smaller_than_the_crop_are_named(refused):
    crop = "--config.data.crop=480,480"
    assert "416x240 is smaller than data.crop" in refused(SMOKE, crop)


def test_compiled_programs_are_kept_where_the_command_line_keeps_them(tmp_path):
    """After the other hosts are known, whose devices count as well."""
    code = """
import jax, train
from jax._src.xla_bridge import backends_are_initialized
jax.distributed.initialize = lambda: print(backends_are_initialized())
train.main(["--config=configs/smoke.py", "--distributed", "--config.data.root=/nowhere"])
print(jax.config.jax_compilation_cache_dir)
"""
    environment = os.environ | {"KBVC_CACHE": str(tmp_path / "kept")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["False", str(tmp_path / "kept")]


def test_halves_of_the_distributed_flags_are_refused(refused):
    assert "go together" in refused(SMOKE, "--processes=2")


def test_help_names_every_flag():
    done = subprocess.run([sys.executable, "train.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for flag in ("--config", "--run", "--stage", "--minutes", "--distributed", "--coordinator"):
        assert flag in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([SMALL, "--stage=colour"], "no stage 'colour'; stages: interpolator, image, codec, frame"),
        ([SMALL, "--config.colour.steps=3"], "no stage and no key 'colour'"),
        ([SMALL, "--config.image.crop=3"], "image: no key 'crop'"),
        ([SMALL, "--config.fusion.data.root=/nowhere"], "/nowhere/train: no such folder"),
        ([SMALL, "--config.frame.data.frames=2"], "stage frame: data.frames=2; stage=frame needs"),
        ([SMOKE, "--stage=image"], "configs/smoke.py: has no stages; leave --stage out"),
    ],
)
def test_a_stage_that_cannot_train_is_refused(refused, tmp_path, arguments, words):
    for name in ("train", "stills", "validation"):
        (tmp_path / "packs" / name).mkdir(parents=True)
    root = [f"--config.data.root={tmp_path / 'packs'}"] if SMALL in arguments else []
    assert words in refused(*root, *arguments)


@pytest.mark.usefixtures("stub_runs")
def test_one_command_trains_all_stages_and_continues_in_the_middle_of_any(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "staged.py").write_text(STAGED)
    run = tmp_path / "run"

    def steps(*arguments: str) -> list[int]:
        """Of both stages, after the command."""
        config = f"--config={tmp_path / 'configs' / 'staged.py'}"
        own = ("--config.steps=3", "--config.second.steps=2", "--config.second.log_every=1")
        assert train.main([config, f"--run={run}", *own, *arguments]) == 0
        return [(saved_steps(run / name) or [0])[-1] for name in ("first", "second")]

    assert steps("--minutes=0") == [1, 0]
    assert steps("--stage=second", "--minutes=0") == [1, 1]
    assert steps("--stage=first") == [3, 1]
    assert steps() == [3, 2]
    assert steps() == [3, 2]
    assert [read_config(run / name).log_every for name in ("first", "second")] == [5, 1]
