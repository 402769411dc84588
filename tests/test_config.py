"""Configs: what a file returns, what the command line may change, and what an error says."""

import dataclasses
import sys
from pathlib import Path
from typing import Literal

import pytest

from kbvc_jax.config import load_config, override, parse_config
from kbvc_jax.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class Model:
    channels: tuple[int, ...] = (24, 36)
    taps: int = 31
    interpolate: bool = True

    def __post_init__(self):
        if self.taps % 2 == 0:
            raise ValueError("taps must be odd")


@dataclasses.dataclass(frozen=True)
class Run:
    model: Model = Model()
    rate: float = 1e-4
    gop: int | Literal["auto"] = 8
    data: str | None = None
    folder: Path = Path("runs")
    crop: tuple[int, int] = (64, 64)
    names: tuple[str, ...] = ()
    weights: dict[str, float] = dataclasses.field(default_factory=dict)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "configs" / "x.py"
    path.parent.mkdir()
    monkeypatch.setitem(sys.modules, "declared", sys.modules[__name__])
    path.write_text("from declared import Run\n\ndef get_config():\n    return Run(rate=0.5)\n")
    return path


@pytest.mark.parametrize(
    ("argument", "key", "value"),
    [
        ("--config.model.taps=51", "model.taps", 51),
        ("--config.model.channels=(1, 2, 3)", "model.channels", (1, 2, 3)),
        ("--config.model.channels=7", "model.channels", (7,)),
        ("--config.model.interpolate=false", "model.interpolate", False),
        ("--config.rate=2e-3", "rate", 2e-3),
        ("--config.gop=auto", "gop", "auto"),
        ("--config.gop=16", "gop", 16),
        ("--config.data=2024", "data", "2024"),
        ("--config.data=None", "data", None),
        ("--config.folder=/tmp/x=1", "folder", Path("/tmp/x=1")),
        ("--config.crop=128,96", "crop", (128, 96)),
        ("--config.names=calm,fast", "names", ("calm", "fast")),
        ("--config.weights={'a': 1.5}", "weights", {"a": 1.5}),
    ],
)
def test_an_override_is_read_as_its_field_is_declared(file, argument, key, value):
    found = parse_config([f"--config={file}", argument], Run)
    assert found.rate == (value if key == "rate" else 0.5)
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value and type(found) is type(value)


def test_a_space_serves_as_well_as_an_equals_sign_and_the_last_override_wins(file):
    argv = ["--config", str(file), "--config.gop", "4", "--config.gop=2"]
    assert parse_config(argv, Run).gop == 2


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("model.tap", "3", ("no key 'model.tap'", "model.taps (int)")),
        ("speed", "3", ("no key 'speed'", "rate (float)")),
        ("model", "3", ("is a group", "model.taps")),
        ("model.taps", "3.5", ("model.taps=3.5", "must be int")),
        ("model.taps", "4", ("taps must be odd",)),
        ("model.interpolate", "maybe", ("must be bool",)),
        ("gop", "often", ("must be int or 'auto'",)),
        ("crop", "1,2,3", ("must be (int, int)",)),
        ("weights", "3", ("must be dict",)),
    ],
)
def test_an_unknown_or_ill_typed_key_is_answered_with_what_is_valid(file, key, text, words):
    with pytest.raises(InputError) as caught:
        parse_config([f"--config={file}", f"--config.{key}={text}"], Run)
    message = str(caught.value)
    assert message.startswith(f"{file}: ") and "\n" not in message
    assert all(word in message for word in words)


@pytest.mark.parametrize(
    "argv", [["--config.rate"], ["stray"], ["--verbose=1"], ["--noconfig.gop"]]
)
def test_arguments_that_are_no_override_are_refused(file, argv):
    with pytest.raises(InputError, match=r"--config\.KEY=VALUE"):
        parse_config([f"--config={file}", *argv], Run)


def test_the_default_file_is_read_where_no_config_is_named(file):
    assert parse_config([], Run, default=file).rate == 0.5
    with pytest.raises(InputError, match="--config is missing"):
        parse_config([], Run)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such config file"),
        ("def get_config(:", "SyntaxError"),
        ("x = 1", "get_config"),
        ("def get_config():\n    return 3", "returns int; wanted here: Run"),
    ],
)
def test_a_file_without_a_config_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "x.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_config(path, Run)
    assert str(path) in str(caught.value)


def test_a_config_may_build_on_its_neighbour(file):
    other = file.with_name("y.py")
    other.write_text(
        "import dataclasses\nfrom configs.x import get_config as base\n\n"
        "def get_config():\n    return dataclasses.replace(base(), gop=2)\n"
    )
    sys.modules.pop("configs", None)
    assert load_config(other, Run) == Run(rate=0.5, gop=2)
    sys.modules.pop("configs", None)


def test_a_file_may_return_one_of_several_types(file):
    assert load_config(file, Model, Run) == Run(rate=0.5)
    with pytest.raises(InputError, match="returns Run; wanted here: Model or Path"):
        load_config(file, Model, Path)


def test_loading_leaves_the_search_path_as_it_was(file, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(file.parent.parent), *sys.path])
    before = list(sys.path)
    load_config(file, Run)
    assert sys.path == before


def test_override_leaves_the_original_alone():
    run = Run()
    assert override(run, {"model.taps": "3"}).model.taps == 3
    assert run.model.taps == 31
