"""The loop: batches in, checkpoints and figures out."""

from collections.abc import Sequence
from itertools import chain

import jax
import numpy as np
from etils import epath

from kbvc_jax.data.dataset import Dataset
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.training.checkpoints import Checkpoints
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.init_from import start_from
from kbvc_jax.training.reporting import Reporter
from kbvc_jax.training.run_folder import keep_config
from kbvc_jax.training.stages import Stage, build_stage
from kbvc_jax.training.step import (
    MAX_SKIPPED_IN_A_ROW,
    Metrics,
    TrainState,
    fetch,
    initial_state,
    replicate,
    split_batch,
    train_step,
)
from kbvc_jax.training.stopping import Stopping
from kbvc_jax.training.validation import Batch, Validation, Validator

# What a log line shows as it is, not as the mean since the last one.
_LATEST = ("learning_rate", "skipped", "skipped_in_a_row")


class DivergedError(Exception):
    """Too many steps in a row were skipped."""


def train(
    config: TrainConfig,
    model: Kbvc,
    batches: Dataset,
    folder: epath.PathLike,
    *,
    validation: Sequence[Batch] = (),
    stopping: Stopping | None = None,
) -> TrainState:
    """Trains, or continues, the run in `folder` until its steps are over or `stopping` ends it.

    SIGTERM and Ctrl-C save and return. The state returned is on the host.
    """
    folder = epath.Path(folder)
    stage = build_stage(config, model)
    step_on_devices = train_step(config, stage.loss)
    validate = Validator(stage, validation)
    stopping = stopping or Stopping()
    with Checkpoints(folder, config.checkpoint) as checkpoints, stopping:
        state = _first_state(config, stage, checkpoints, batches)
        start = step = int(state.step)
        done = step >= config.steps
        # The first batch is read before anything is written: what is wrong with it is refused here.
        before = batches.get_state()
        clips = batches if done else chain([next(batches)], batches)
        frames_a_step = config.data.batch_size * config.data.frames
        with Reporter(folder, config.steps, step, frames_a_step) as reporter:
            _announce(config, stage, step, reporter)
            since_last_log: list[Metrics] = []
            if not done and not step and config.init_from and validate:
                # Weights that training does not better stay the best.
                keep_config(folder, config)
                result = validate(state)
                checkpoints.save(state, step, before, result.summary)
                _report(config, step, result, reporter, checkpoints)
            if not done:
                reporter.compiling()
            while not done:
                state, metrics = step_on_devices(
                    state, split_batch(stage.prepare(np.asarray(next(clips)["frames"])))
                )
                step += 1
                if step == start + 1:
                    jax.block_until_ready(metrics)
                    reporter.compiled(step)
                    keep_config(folder, config)
                since_last_log.append(metrics)
                last = step == config.steps
                stopped = not last and stopping.at(step, checkpoints)
                done = stopped or last
                validating = bool(validate) and (last or step % config.validation.every == 0)
                saving = done or validating or step % config.checkpoint.every == 0
                if saving or step % config.log_every == 0:
                    _log(step, since_last_log, reporter, checkpoints)
                    since_last_log = []
                if saving:
                    result = validate(state) if validating and not stopped else None
                    checkpoints.save(state, step, batches.get_state(), result and result.summary)
                    done |= _report(config, step, result, reporter, checkpoints)
                    reporter.restart_clock()
            if step < config.steps:
                reporter.say(f"stopped and saved at step {step}; the same command continues")
    return fetch(state)


def _first_state(
    config: TrainConfig, stage: Stage, checkpoints: Checkpoints, batches: Dataset
) -> TrainState:
    """The latest checkpoint's, or that of step 0."""
    state = initial_state(stage.trainable, stage.frozen, config.optimiser)
    if checkpoints.latest is not None:
        state, data = checkpoints.restore(state)
        batches.set_state(data)
    elif config.init_from:
        everything = start_from(
            stage.trainable | stage.frozen, config.init_from, config.model, config.stage
        )
        state = initial_state(
            {name: everything[name] for name in stage.trainable},
            {name: everything[name] for name in stage.frozen},
            config.optimiser,
        )
    return replicate(state)


def _announce(config: TrainConfig, stage: Stage, step: int, reporter: Reporter) -> None:
    parameters = sum(leaf.size for leaf in stage.trainable.values())
    device = jax.devices()[0]
    reporter.say(
        f"{config.stage}: {parameters:,} parameters, {config.precision}, "
        f"{jax.device_count()} x {device.device_kind} ({device.platform}), "
        f"{jax.process_count()} process(es); " + (f"continues at step {step}" if step else "starts")
    )
    if stage.frozen and not config.init_from:
        parts = ", ".join(sorted({name.partition(".")[0] for name in stage.frozen}))
        reporter.warn(
            f"stage={config.stage} keeps {parts} as they begin, untrained: "
            "set init_from=RUN of the stage before"
        )


def _log(step: int, rows: list[Metrics], reporter: Reporter, checkpoints: Checkpoints) -> None:
    rows = [fetch(row) for row in rows]
    means = {
        name: float(rows[-1][name] if name in _LATEST else _mean([row[name] for row in rows]))
        for name in rows[-1]
    }
    reporter.training(step, means)
    if means["skipped_in_a_row"] >= MAX_SKIPPED_IN_A_ROW:
        good = checkpoints.latest
        raise DivergedError(
            f"{MAX_SKIPPED_IN_A_ROW} steps in a row had a gradient that spiked or was not finite; "
            f"stopped at step {step}, last good checkpoint: "
            + (str(checkpoints.folder / str(good)) if good is not None else "none yet")
        )


def _mean(values: list[np.ndarray]) -> float:
    """Of the finite ones: a skipped step would hide the others."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _report(
    config: TrainConfig,
    step: int,
    result: Validation | None,
    reporter: Reporter,
    checkpoints: Checkpoints,
) -> bool:
    """Says how a validation went; whether patience has run out."""
    if result is None:
        return False
    best_step = checkpoints.best[0] if checkpoints.best else step
    reporter.validation(step, result, best=best_step == step)
    waited = (step - best_step) // config.validation.every
    if config.validation.patience and waited >= config.validation.patience:
        reporter.say(f"no better validation since step {best_step}: stopping early")
        return True
    return False
