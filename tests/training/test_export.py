"""From a run to weights that encode and decode, and a card that says where they come from."""

import dataclasses
import json
import os

import jax.numpy as jnp
import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.models.parameters import split
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.card import card_text, inherited, stages
from kbvc_jax.training.checkpoints import Checkpoints
from kbvc_jax.training.config import CheckpointConfig, TrainConfig
from kbvc_jax.training.export import choice, export_run
from kbvc_jax.training.parameters import INTERPOLATOR
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import initial_state
from kbvc_jax.training.trained import load_trained
from kbvc_jax.training.validation import Validation
from tests.tiny import TINY, tiny_model

pytestmark = pytest.mark.heavy

METRICS = {"loss": 1.5, "psnr/0": 25.0, "bpp/0": 0.1, "loss/0": 1.0}
PAPER = dataclasses.replace(TINY, fixed_lambda=0.01, block_transform=False, fusion_channels=0)


def write_run(
    folder, steps, init_from=None, changed=None, model=TINY, metrics=METRICS, stage="codec", seed=3
):
    config = TrainConfig(stage=stage, model=model, init_from=init_from and str(init_from))
    parameters = split(tiny_model(seed, model))[1] | (changed or {})
    if stage == "interpolator":  # which holds nothing else
        parameters = {k: v for k, v in parameters.items() if k.startswith(INTERPOLATOR)}
    with open_run(folder, config):
        rows = [{"kind": "train", "step": s, "steps_per_second": 0.5} for s in (10, steps)]
        write_rows(folder, [{"kind": "train", "step": 1}, *rows])
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(initial_state(parameters, {}, config.optimiser), steps, {}, metrics)
    return folder


def write_rows(folder, rows):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def validation_of(quality, **more):
    """As that of a run with one rung is."""
    rung = {"quality": quality, "loss": 1.25, "psnr": 31.0, "bpp": 0.25, **more}
    return Validation(1.25, [rung], np.zeros((1, 2, 2, 3), np.uint8), []).summary


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    first = write_run(folder / "first", 60)
    side = write_run(folder / "side", 30, first)
    run = write_run(folder / "second", 120, f"{first},{side}")
    card = export_run(run, folder / "weights", dtype="float16", data="noise", licence="CC0")
    return folder / "weights", card


def test_exported_weights_code(exported):
    codec = kbvc_jax.load(exported[0])
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8)
    assert codec.decode(codec.encode(frames, quality=40)).shape == frames.shape


def test_stored_weights_are_what_was_calibrated(exported):
    """The run's own, rounded once."""
    codec = kbvc_jax.load(exported[0])
    _, stored = split(codec.inference.model)
    _, own = split(tiny_model(seed=3))
    for name, value in own.items():
        rounded = np.asarray(value.astype("float16"), np.float32)
        np.testing.assert_array_equal(np.asarray(stored[name], np.float32), rounded, name)


def test_the_card_tells_the_whole_way(exported):
    folder, card = exported
    assert [(s["run"], s["steps"], s["minutes"]) for s in card["stages"]] == [
        ("first", 60, 2.0),
        ("side", 30, 1.0),
        ("second", 120, 4.0),
    ]
    text = (folder / "README.md").read_text()
    for part in ("Licence: CC0.", "Trained on: noise.", "| 0 | 25.00 | 0.1000 |", "float16"):
        assert part in text
    stored = (folder / "model.json").read_text()
    assert json.loads(stored)["card"]["training"]["init_from"] == "first,side"
    assert str(folder.parent) not in stored + text


def test_the_card_goes_on_where_only_weights_are_left(exported, tmp_path):
    third = write_run(tmp_path / "third", 10, exported[0])
    assert [s["run"] for s in stages(third)] == ["first", "side", "second", "third"]


def test_weights_that_go_on_from_others_keep_their_licence_and_data(exported, tmp_path):
    third = write_run(tmp_path / "third", 10, write_run(tmp_path / "between", 10, exported[0]))
    assert inherited("licence", third) == "CC0 (the weights that training began with)"
    assert inherited("data", third).startswith("noise (")
    assert inherited("licence", exported[0].parent / "first") == ""
    export_run(third, tmp_path / "weights")
    fourth = write_run(tmp_path / "fourth", 10, tmp_path / "weights")
    assert inherited("licence", fourth) == inherited("licence", third)


def test_runs_that_are_still_there_are_not_told_again_by_a_card(exported, tmp_path):
    folder, _ = exported
    third = write_run(tmp_path / "third", 10, f"{folder},{folder.parent / 'second'}")
    assert [s["run"] for s in stages(third)] == ["first", "side", "second", "third"]


@pytest.mark.slow
def test_a_model_of_one_lambda_is_exported_with_that_lambda_and_codes(tmp_path):
    metrics = validation_of(0.0, **{"psnr/B1": 30.0, "bpp_y/B1": 0.2})
    run = write_run(tmp_path / "run", 10, model=PAPER, metrics=metrics)
    export_run(run, tmp_path / "weights")
    codec = kbvc_jax.load(tmp_path / "weights")
    assert codec.inference.entropy["frame"].prior.knots.size == 0
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8)
    assert codec.decode(codec.encode(frames)).shape == frames.shape
    text = (tmp_path / "weights" / "README.md").read_text()
    assert "| lambda | PSNR, dB |" in text and "| 0.01 | 31.00 | 0.2500 |" in text


def test_a_validation_at_one_quality_has_its_row_on_the_card(exported):
    card = exported[1] | {"validation": validation_of(50.0, **{"psnr/B1": 30.0})}
    text = card_text(TINY, card, "float32")
    assert "| quality | PSNR, dB |" in text and text.count("dB") == 1
    assert "| 50 | 31.00 | 0.2500 |" in text


@pytest.mark.parametrize("validation", [{}, {"loss": 0.5, "bpp/0": 0.25, "loss/0": 0.5}])
def test_a_card_without_a_whole_validation_has_no_table_of_one(exported, validation):
    """The stage of the hyperpriors measures rate alone."""
    card = exported[1] | {"validation": validation, "checkpoint": "step 9, the latest"}
    text = card_text(TINY, card, "float32")
    assert "Weights of step 9, the latest." in text and "PSNR" not in text and "nan" not in text


def test_a_card_says_what_coding_a_b_frame_takes(exported):
    lines = card_text(TINY, exported[1], "float32").splitlines()
    for kind in ("decoder", "encoder"):
        (line,) = (x for x in lines if x.startswith(f"| {kind}, a B-frame by predicted |"))
        parameters, macs = (int(x.replace(",", "")) for x in line.split("|")[2:4])
        assert parameters > 0 and macs > 0


def test_the_chosen_step_is_said_with_the_reason(tmp_path):
    losses = {500: 3.0, 1000: float("nan"), 1500: 2.38571, 2000: 2.4}
    rows = [{"kind": "validation", "step": step, "loss": loss} for step, loss in losses.items()]
    assert choice(tmp_path, 700, {}) == "step 700, the latest; no validation was made"
    write_rows(tmp_path, [{"kind": "train", "step": 500, "loss": 1.0}, *rows])
    chosen = choice(tmp_path, 1500, {"loss": 2.38571})
    assert chosen == "step 1500, the best of 4 validations (loss 2.3857)"
    kept = choice(tmp_path, 2000, {"loss": 2.4})
    assert kept == "step 2000, the best that is kept of 4 validations (loss 2.4000)"
    write_rows(tmp_path, rows[:1])
    assert (
        choice(tmp_path, 500, {"loss": 3.0}) == "step 500, the best of 1 validation (loss 3.0000)"
    )
    assert choice(tmp_path, 700, {}) == "step 700, the latest; no validated one is kept"


def test_weights_that_their_type_cannot_hold_are_refused_and_nothing_is_left(tmp_path):
    name, value = next(iter(split(tiny_model(seed=3))[1].items()))
    run = write_run(tmp_path / "run", 10, changed={name: jnp.full(value.shape, 1e5)})
    with pytest.raises(InputError, match=f"{name}: too large for float16"):
        export_run(run, tmp_path / "weights", dtype="float16")
    assert os.listdir(tmp_path) == ["run"]


def test_a_failed_export_leaves_the_old_weights(exported, monkeypatch):
    folder, _ = exported
    before = (folder / "model.json").read_text()
    monkeypatch.setattr("kbvc_jax.training.export.write_card", None)  # its very last step fails
    with pytest.raises(TypeError):
        export_run(folder.parent / "second", folder, overwrite=True, licence="other")
    assert (folder / "model.json").read_text() == before
    assert sorted(os.listdir(folder.parent)) == ["first", "second", "side", "weights"]


def test_a_run_is_never_replaced_by_its_weights(exported):
    run = exported[0].parent / "second"
    with pytest.raises(InputError, match="which would be lost"):
        export_run(run, run, overwrite=True)


def test_an_existing_target_is_kept(exported):
    folder, _ = exported
    with pytest.raises(InputError, match="pass -y to overwrite"):
        export_run(folder.parent / "second", folder)


def test_a_run_of_the_interpolator_alone_is_refused(tmp_path):
    run = write_run(tmp_path / "run", 5)
    with open_run(tmp_path / "other", TrainConfig(model=TINY, stage="interpolator")):
        (run / "checkpoints").rename(tmp_path / "other" / "checkpoints")
    with pytest.raises(InputError, match="a codec run can be exported"):
        export_run(tmp_path / "other", tmp_path / "weights")


STAGES = {"interpolator": 1, "image": 2, "frame": 4, "fusion": 5}  # seeds of their weights


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """The folder of a recipe whose last stage has not begun."""
    folder = tmp_path_factory.mktemp("staged") / "run"
    for number, (stage, seed) in enumerate(STAGES.items()):
        before = ",".join(str(folder / name) for name in list(STAGES)[:number])
        write_run(folder / stage, 10 + number, before, stage=stage, seed=seed)
    (folder / "recipe.json").write_text(json.dumps({"stages": [*STAGES, "hyperprior"]}))
    return folder


def test_of_a_recipe_each_part_is_as_the_last_stage_that_trained_it_left_it(staged):
    trained = load_trained(staged)
    config, parameters, step, _ = trained.weights
    assert (config.stage, step, trained.run) == ("frame", 12, staged / "frame")
    weights = {stage: split(tiny_model(seed))[1] for stage, seed in STAGES.items()}
    for name, value in parameters.items():
        np.testing.assert_array_equal(value, weights[name.partition(".")[0]][name], name)


def test_a_recipe_is_exported_with_all_its_stages_on_the_card(staged, tmp_path):
    card = export_run(staged, tmp_path / "weights")
    assert [(row["run"], row["steps"]) for row in card["stages"]] == [
        (name, 10 + number) for number, name in enumerate(STAGES)
    ]
    assert card["checkpoint"].startswith("frame's step 12, the best")
    text = (tmp_path / "weights" / "README.md").read_text()
    assert "Weights of frame's step 12" in text and "| fusion | fusion | 13 |" in text
    stored = split(kbvc_jax.load(tmp_path / "weights").inference.model)[1]
    for name, value in load_trained(staged).weights[1].items():
        np.testing.assert_array_equal(stored[name], value, name)


def test_a_run_that_began_from_a_recipe_tells_of_its_stages(staged, tmp_path):
    run = write_run(tmp_path / "after", 20, staged)
    assert [row["run"] for row in stages(run)] == [*STAGES, "after"]


@pytest.mark.parametrize(
    ("trained", "message"),
    [
        ([], "no stage has a checkpoint yet; train some steps first"),
        (["interpolator", "fusion"], "the interpolator and the fusion alone; a codec run can be"),
    ],
)
def test_a_recipe_without_a_codec_is_refused(tmp_path, trained, message):
    for stage in trained:
        write_run(tmp_path / stage, 5, stage=stage)
    (tmp_path / "recipe.json").write_text(json.dumps({"stages": [*STAGES]}))
    with pytest.raises(InputError, match=message):
        export_run(tmp_path, tmp_path / "weights")
