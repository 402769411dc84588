import dataclasses
import json
import re
import signal
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.training import reporting
from kbvc_jax.training.checkpoints import load_run
from kbvc_jax.training.config import CheckpointConfig, OptimiserConfig, ValidationConfig
from kbvc_jax.training.history import drop_after
from kbvc_jax.training.loop import DivergedError, train
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import train_step
from kbvc_jax.training.stopping import Stopping
from tests.training.stub import Clips, StubModel, config, weights_line


def run(folder, clips=None, **changes):
    chosen = config(**changes)
    with open_run(folder, chosen):
        return train(
            chosen, StubModel(), clips or Clips(), folder, validation=[next(Clips())["frames"]]
        )


def rows(folder, kind):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_a_run_leaves_checkpoints_figures_and_a_curve(tmp_path, capsys):
    state = run(tmp_path)
    assert int(state.step) == 10
    assert [row["step"] for row in rows(tmp_path, "validation")] == [5, 10]
    assert rows(tmp_path, "train")[-1]["frames_per_second"] > 0
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert list(tmp_path.glob("events.out.tfevents.*"))
    said = capsys.readouterr().out
    assert "step 10/10" in said and "bpp" in said and "left" in said
    assert "PSNR I " in said and "validation 10: loss" in said
    _, parameters, step, metrics = load_run(tmp_path)
    assert step == 10 and metrics["bpp/100"] > 0
    np.testing.assert_array_equal(parameters["image.gain"], state.average["image.gain"])


@pytest.mark.heavy
def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    whole = run(tmp_path / "whole")
    run(tmp_path / "parts", steps=7)
    parts = run(tmp_path / "parts", steps=10)
    assert weights_line(parts) == weights_line(whole)


@pytest.mark.heavy
def test_a_continued_run_has_each_step_once_in_its_log(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole, log_every=1)
    run(parts, log_every=1, steps=4)
    log = parts / "metrics.jsonl"
    again = [json.dumps({"kind": kind, "step": 5}) for kind in ("train", "validation")]
    torn = json.dumps({"kind": "train", "step": 6})[:-4]
    log.write_text(log.read_text() + "\n".join([*again, torn]))
    run(parts, log_every=1)
    for kind, steps in (("train", list(range(1, 11))), ("validation", [4, 5, 10])):
        assert [row["step"] for row in rows(parts, kind)] == steps
    losses = [[row["loss"] for row in rows(folder, "train")] for folder in (whole, parts)]
    assert losses[0] == losses[1]


def test_a_log_that_needs_no_change_is_not_written_anew(tmp_path, monkeypatch):
    (tmp_path / "metrics.jsonl").write_text('{"kind": "train", "step": 3}\n')
    monkeypatch.setattr("kbvc_jax.training.history.replace_text", None)
    drop_after(tmp_path, 3)
    drop_after(tmp_path / "new", 0)


@pytest.mark.heavy
def test_speed_and_time_left_do_not_count_the_first_step(tmp_path, capsys, monkeypatch):
    def slow_at_first(*arguments):
        step, pause = train_step(*arguments), iter([3.0])

        def timed(*state_and_clips):
            time.sleep(next(pause, 0.0))
            return step(*state_and_clips)

        return timed

    monkeypatch.setattr("kbvc_jax.training.loop.train_step", slow_at_first)
    run(tmp_path, log_every=1)
    first, second, *_ = rows(tmp_path, "train")
    assert "steps_per_second" not in first and second["steps_per_second"] > 1 / 3
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ")]
    assert "left" not in lines[0] and "steps/s" not in lines[0]
    assert "0:00:0" in lines[1] and lines[1].endswith(" left")


def test_a_run_says_that_it_compiles_and_for_how_long_it_did(tmp_path, capsys):
    run(tmp_path, steps=1)
    said = capsys.readouterr().out
    assert "compiling the training step, kept in" in said
    assert re.search(r"compiled and took the first step in \d+\.\d s\n", said)
    run(tmp_path, steps=1)
    assert "compil" not in capsys.readouterr().out


def test_the_configuration_is_kept_from_the_first_step_on(tmp_path):
    """Before, what is wrong with it can still be found; after, it may be killed."""
    found = []

    class Watched(Clips):
        def __next__(self):
            found.append((tmp_path / "config.json").exists())
            return super().__next__()

    run(tmp_path, Watched(), steps=3)
    assert found == [False, True, True]


def test_a_validation_at_one_quality_is_told_as_any_other(tmp_path):
    validation = dataclasses.replace(config().validation, qualities=(50.0,))
    run(tmp_path, steps=1, validation=validation)
    metrics = load_run(tmp_path)[3]
    assert sorted(metrics) == ["bpp/50", "loss", "loss/50", "psnr/50"]
    assert metrics["loss"] == metrics["loss/50"]


def test_a_finished_run_stays_as_it_is(tmp_path):
    first = run(tmp_path, steps=4)
    assert weights_line(run(tmp_path, steps=4)) == weights_line(first)


def test_time_that_is_up_saves_and_stops(tmp_path, capsys):
    state = train(config(steps=1000), StubModel(), Clips(), tmp_path, stopping=Stopping(0.0))
    assert int(state.step) == 1
    assert (tmp_path / "checkpoints" / "1").exists()
    assert "stopped and saved at step 1" in capsys.readouterr().out


@pytest.mark.heavy
def test_ten_skipped_steps_in_a_row_stop_the_run_and_name_the_last_good_checkpoint(tmp_path):
    run(tmp_path, steps=22)
    optimiser = OptimiserConfig(spike_factor=1e-9)  # everything is a spike
    with pytest.raises(DivergedError, match=r"checkpoint: .*/checkpoints/30$"):
        train(config(steps=100, optimiser=optimiser), StubModel(), Clips(), tmp_path)


def test_a_model_that_is_broken_from_the_start_stops_without_a_checkpoint(tmp_path):
    broken = StubModel()
    broken.image.gain[...] = jnp.full(3, jnp.nan)
    chosen = config(steps=100, checkpoint=CheckpointConfig(every=100))
    with pytest.raises(DivergedError, match="none yet"):
        train(chosen, broken, Clips(), tmp_path)
    assert not list((tmp_path / "checkpoints").glob("[0-9]*"))


def test_patience_ends_a_run_that_no_longer_improves(tmp_path, capsys):
    validation = ValidationConfig(data=config().data, clips=8, every=1, patience=3)
    # Nothing is learned, so that the first validation stays the best.
    optimiser = OptimiserConfig(learning_rate=0.0)
    state = run(tmp_path, steps=50, validation=validation, optimiser=optimiser)
    assert int(state.step) == 4
    assert "no better validation since step 1" in capsys.readouterr().out


def test_a_codec_starts_from_an_interpolators_run(tmp_path):
    first = run(tmp_path / "interpolator", stage="interpolator", steps=3)
    offset = first.average["interpolator.offset"]
    assert np.abs(offset).max() > 0
    state = run(tmp_path / "codec", steps=1, init_from=str(tmp_path / "interpolator"))
    np.testing.assert_array_equal(state.frozen["interpolator.offset"], offset)


@pytest.mark.heavy
def test_of_two_sources_the_later_wins(tmp_path):
    codec = run(tmp_path / "codec", steps=6)
    found = run(tmp_path / "interpolator", stage="interpolator", steps=3)
    sources = f"{tmp_path / 'codec'},{tmp_path / 'interpolator'}"
    state = run(tmp_path / "both", steps=1, init_from=sources)
    interpolator, gain = "interpolator.offset", "image.gain"
    np.testing.assert_array_equal(state.frozen[interpolator], found.average[interpolator])
    assert np.abs(state.trainable[gain] - codec.average[gain]).max() < 0.02  # one step away


@pytest.mark.heavy
def test_a_continuation_from_weights_starts_its_moments_anew(tmp_path):
    first = run(tmp_path / "first", steps=6)
    again = run(tmp_path / "again", steps=1, init_from=str(tmp_path / "first"))
    change = again.trainable["image.gain"] - first.average["image.gain"]
    # Adam's first step, half warm, from where the average was: whatever the gradient.
    np.testing.assert_allclose(np.abs(change), 0.005, rtol=1e-3)


@pytest.mark.heavy
def test_weights_that_training_makes_worse_stay_the_best(tmp_path):
    first = run(tmp_path / "first", steps=6)
    wild = OptimiserConfig(learning_rate=10.0, warmup_steps=0, ema_decay=0.0)
    run(tmp_path / "again", init_from=str(tmp_path / "first"), optimiser=wild)
    assert [row["step"] for row in rows(tmp_path / "again", "validation")] == [0, 5, 10]
    _, parameters, step, _ = load_run(tmp_path / "again")
    assert step == 0
    np.testing.assert_array_equal(parameters["image.gain"], first.average["image.gain"])


def test_without_tensorboard_a_run_says_so_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    run(tmp_path, steps=2)
    assert "tensorboardX is not installed" in capsys.readouterr().err
    assert rows(tmp_path, "train")


def test_durations_read_as_hours_minutes_seconds():
    assert reporting._duration(3725.0) == "1:02:05"


# In processes of their own: signals end them.


def start(folder, steps, delay=0.0):
    command = [sys.executable, "-m", "tests.training.stub", str(folder), str(steps), str(delay)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def wait_for_checkpoint(folder, process):
    """A whole one: while it is written, its folder has a longer name."""
    deadline, checkpoints = time.monotonic() + 60, folder / "checkpoints"
    while not any(
        path.parent.name.isdigit() for path in checkpoints.glob("*/_CHECKPOINT_METADATA")
    ):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.heavy
def test_a_killed_run_ends_with_the_same_weights_bit_for_bit(tmp_path):
    whole = start(tmp_path / "whole", 12)
    killed = start(tmp_path / "killed", 12, delay=0.3)
    wait_for_checkpoint(tmp_path / "killed", killed)
    time.sleep(np.random.default_rng().uniform(0, 1))
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    resumed = finish(start(tmp_path / "killed", 12))
    assert "continues at step" in resumed
    assert resumed.splitlines()[-1] == finish(whole).splitlines()[-1]


def test_sigterm_saves_and_exits_with_0(tmp_path):
    process = start(tmp_path, 1000, delay=0.1)
    wait_for_checkpoint(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    out = finish(process)
    step = int(out.split("stopped and saved at step ")[1].split(";")[0])
    assert (tmp_path / "checkpoints" / str(step)).exists()
