"""`kbvc complexity`: the table of modules."""

import json

import pytest

from configs import small
from kbvc_jax.cli.main import main
from kbvc_jax.models.complexity import coding, complexity
from kbvc_jax.models.config import ModelConfig

CONFIG = """\
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.config import TrainConfig

def get_config():
    return TrainConfig(model=ModelConfig(interpolate=False))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "configs" / "two.py"
    path.parent.mkdir()
    path.write_text(CONFIG)
    return path


def test_the_default_is_the_products_network(capsys):
    assert main(["complexity"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = [*complexity(ModelConfig()), *coding(ModelConfig())]
    for line, row in zip(lines[1:], expected, strict=True):
        assert line.split() == [
            *row.module.split(),
            f"{row.parameters:,}",
            f"{row.macs_per_pixel:,.0f}",
        ]


def test_a_config_and_its_overrides_choose_the_network(config, capsys):
    argv = ["complexity", "--config", str(config), "--config.model.kernel_size=51", "--json"]
    assert main(argv) == 0
    model = ModelConfig(interpolate=False, kernel_size=51)
    expected = [*complexity(model), *coding(model)]
    table = json.loads(capsys.readouterr().out)
    assert [row["parameters"] for row in table] == [row.parameters for row in expected]
    assert [row["module"] for row in table] == [row.module for row in expected]


def test_stages_have_one_network(capsys):
    assert main(["complexity", "--config", "configs/small.py", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    expected = [*complexity(small.MODEL), *coding(small.MODEL)]
    assert [row["parameters"] for row in table] == [row.parameters for row in expected]


def test_a_wrong_key_lists_the_valid_ones(config, capsys):
    assert main(["complexity", "--config", str(config), "--config.model.kernel=51"]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"kbvc: {config}: no key 'model.kernel'") and line.count("\n") == 1
    assert "model.kernel_size (int)" in line
