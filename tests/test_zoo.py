"""The models that ship, by name."""

import json
from pathlib import Path

import pytest

import kbvc_jax
from kbvc_jax.cli.main import main
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.ours import load_ours
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.zoo import shipped

COSTS = json.loads(Path(__file__).with_name("costs.json").read_text())


def test_their_codecs_cost_what_was_counted():
    for model in shipped().models:
        counted = [
            COSTS[codec]["decoder, multiply-adds a pixel"] for codec in model.b_frames.split(",")
        ]
        assert model.multiply_adds == pytest.approx(max(counted), rel=0.001)


def test_a_name_chooses_the_codec_of_b_frames_and_an_option_wins():
    codec = kbvc_jax.load(model="motion")
    assert codec.options().b_frames == "motion"
    assert codec.options(b_frames="kernel").b_frames == "kernel"
    assert codec.options(preset="best").b_frames == "motion"
    assert kbvc_jax.load(model="mixed").options().candidates == ("compensated", "predicted")
    first = shipped().models[0].name
    assert kbvc_jax.load(model=first).options() == kbvc_jax.load().options()


def test_an_evaluation_has_a_curve_of_each():
    found = load_ours(EvaluationConfig(models=("kernel", "mixed")))
    assert [(own.name, own.options.b_frames) for own in found] == [
        ("kernel", "kernel"),
        ("mixed", "compensated,predicted"),
    ]
    with pytest.raises(InputError, match="model huge: must be of"):
        load_ours(EvaluationConfig(models=("huge",)))


def test_what_does_not_ship_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"model huge: must be of mixed, compensated, predicted, .*kbvc models"
    ):
        kbvc_jax.load(model="huge")
    with pytest.raises(InputError, match="model motion is one of those that ship"):
        kbvc_jax.load(tmp_path, model="motion")


def test_they_are_listed(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    for model in shipped().models:
        assert f"\n{model.name} " in text and f"{model.speed.decode:.1f}" in text
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in listed["models"]] == [m.name for m in shipped().models]
