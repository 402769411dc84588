"""From a run to weights that encode and decode, and a card that says where they come from."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.errors import InputError
from kbvc_jax.training.card import stages
from kbvc_jax.training.checkpoints import Checkpoints
from kbvc_jax.training.config import CheckpointConfig, TrainConfig
from kbvc_jax.training.export import export_run
from kbvc_jax.training.parameters import split
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import initial_state
from tests.tiny import TINY, tiny_model

METRICS = {"loss": 1.5, "psnr/0": 25.0, "bpp/0": 0.1, "loss/0": 1.0}


def write_run(folder, steps, init_from=None, changed=None):
    config = TrainConfig(model=TINY, init_from=init_from and str(init_from))
    parameters = split(tiny_model(seed=3))[1] | (changed or {})
    with open_run(folder, config):
        rows = [{"kind": "train", "step": s, "steps_per_second": 0.5} for s in (10, steps)]
        lines = [json.dumps(row) for row in rows]
        (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(initial_state(parameters, {}), steps, {}, METRICS)
    return folder


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


def test_runs_that_are_still_there_are_not_told_again_by_a_card(exported, tmp_path):
    folder, _ = exported
    third = write_run(tmp_path / "third", 10, f"{folder},{folder.parent / 'second'}")
    assert [s["run"] for s in stages(third)] == ["first", "side", "second", "third"]


def test_weights_that_their_type_cannot_hold_are_refused(tmp_path):
    name, value = next(iter(split(tiny_model(seed=3))[1].items()))
    run = write_run(tmp_path / "run", 10, changed={name: jnp.full(value.shape, 1e5)})
    with pytest.raises(InputError, match=f"{name}: too large for float16"):
        export_run(run, tmp_path / "weights", dtype="float16")


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
