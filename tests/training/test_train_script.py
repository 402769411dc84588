"""What train.py says before anything compiles."""

import subprocess
import sys

import pytest

import train
from kbvc_jax.training.run_folder import open_run
from tests.training.stub import config

SMOKE = "--config=configs/smoke.py"


@pytest.fixture
def refused(capsys, tmp_path):
    def run(*arguments: str) -> str:
        assert train.main([*arguments, f"--run={tmp_path / 'run'}"]) == 2
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


def test_halves_of_the_distributed_flags_are_refused(refused):
    assert "go together" in refused(SMOKE, "--processes=2")


def test_help_names_every_flag():
    done = subprocess.run([sys.executable, "train.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for flag in ("--config", "--run", "--minutes", "--distributed", "--coordinator"):
        assert flag in done.stdout
