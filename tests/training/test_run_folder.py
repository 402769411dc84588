import contextlib
import os

import pytest

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.run_folder import keep_config, open_run, read_config
from tests.training.stub import config


def test_the_config_comes_back_as_it_was(tmp_path):
    sources = (SourceConfig("pack", "a", weight=2.0), SourceConfig("stills", "b"))
    ours = config(data=DataConfig(sources=sources, crop=(32, 48)), init_from="somewhere")
    with open_run(tmp_path, ours):
        pass
    assert read_config(tmp_path) == ours


def test_a_folder_in_use_is_refused_and_free_afterwards(tmp_path):
    with open_run(tmp_path, config()):
        second = open_run(tmp_path, config())
        with pytest.raises(InputError, match="another process trains in it"):
            second.__enter__()
    with open_run(tmp_path, config()):
        pass


def test_another_configuration_is_refused_with_the_fields_that_differ(tmp_path):
    with open_run(tmp_path, config()):
        pass
    other = config(model=ModelConfig(kernel_size=51), seed=1)
    with pytest.raises(InputError) as error, open_run(tmp_path, other):
        pass
    assert "model.kernel_size: 51 here, 31 there; seed: 1 here, 0 there" in str(error.value)


def test_a_longer_run_is_the_same_run(tmp_path):
    for steps in (10, 20):
        with open_run(tmp_path, config(steps=steps)):
            pass
    assert read_config(tmp_path).steps == 20


@pytest.mark.parametrize("text", ["{}{", '{"stage": "codec", "colour": 3}'])
def test_a_damaged_config_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        read_config(tmp_path)


def refuse(folder, before=lambda folder: None):
    with contextlib.suppress(InputError), open_run(folder, config()) as run:
        before(run)
        raise InputError("no such data")


def test_a_start_that_is_refused_leaves_nothing(tmp_path):
    refuse(tmp_path / "runs" / "a", lambda run: (run / "checkpoints").mkdir())
    assert os.listdir(tmp_path) == []


def test_a_refused_start_beside_another_run_leaves_that(tmp_path):
    with open_run(tmp_path / "runs" / "a", config()):
        pass
    refuse(tmp_path / "runs" / "b")
    assert os.listdir(tmp_path / "runs") == ["a"]


def test_a_start_that_is_refused_in_a_folder_that_was_there_leaves_no_configuration(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    refuse(tmp_path)
    with open_run(tmp_path, config(seed=1)):
        pass
    assert read_config(tmp_path).seed == 1 and (tmp_path / "notes.txt").exists()


def test_a_run_that_has_begun_stays_whatever_happens(tmp_path):
    refuse(tmp_path / "a", lambda run: keep_config(run, config()))
    assert read_config(tmp_path / "a") == config()
