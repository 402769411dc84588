"""Checkpoints of a run: the state and the pipeline's place, written while training goes on.

checkpoints/STEP/state   Orbax arrays of TrainState
checkpoints/STEP/data    the data pipeline's state, one entry a process
checkpoints/STEP/metrics the validation that was made at that step, if any
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from orbax.checkpoint.checkpoint_managers import preservation_policy

from kbvc_jax.models.parameters import Parameters
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.output import arrays_written
from kbvc_jax.training.config import CheckpointConfig, TrainConfig
from kbvc_jax.training.run_folder import read_config
from kbvc_jax.training.step import TrainState, fetch

FOLDER = "checkpoints"


class Checkpoints:
    """Keeps the last few checkpoints and the best by validation loss."""

    def __init__(self, folder: epath.PathLike, config: CheckpointConfig):
        keep: list[preservation_policy.PreservationPolicy] = [
            preservation_policy.LatestN(max(1, config.keep_last))
        ]
        if config.keep_best:
            keep.append(
                preservation_policy.BestN(
                    get_metric_fn=_loss,
                    reverse=True,  # the best come last
                    n=config.keep_best,
                    keep_checkpoints_without_metrics=False,
                )
            )
        self.folder = epath.Path(folder) / FOLDER
        self._manager = ocp.CheckpointManager(
            self.folder.resolve(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=preservation_policy.AnyPreservationPolicy(keep),
                best_fn=_loss,  # without it Orbax would not write metrics
                best_mode="min",
                cleanup_tmp_directories=True,  # what a killed process left half written
            ),
        )
        losses = {step: self._manager.metrics(step) for step in self._manager.all_steps()}
        losses = {step: _loss(metrics) for step, metrics in losses.items() if metrics}
        # The step of the lowest validation loss, and that loss.
        self.best: tuple[int, float] | None = min(losses.items(), key=lambda p: p[1], default=None)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        with arrays_written(self.folder):
            self._manager.close()  # waits for what is being written

    @property
    def latest(self) -> int | None:
        return self._manager.latest_step()

    def preempted(self, step: int) -> bool:
        """Whether all hosts agreed to stop at this step, as a signal to one asked them to."""
        return self._manager.reached_preemption(step)

    def save(
        self,
        state: TrainState,
        step: int,
        data: Any,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if step == self.latest:
            return
        if metrics and (self.best is None or _loss(metrics) < self.best[1]):
            self.best = step, _loss(metrics)
        # Copies on the host: the next step consumes the state, while these are being written.
        copies = jax.tree.map(np.array, fetch(state))
        arguments = ocp.args.Composite(
            state=ocp.args.StandardSave(copies),
            data=ocp.args.JsonSave({"processes": _of_all_processes(data)}),
        )
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(copies))
        with arrays_written(self.folder, size):
            self._manager.save(
                step, args=arguments, metrics=dict(metrics) if metrics else None, force=True
            )

    def restore(self, like: TrainState) -> tuple[TrainState, Any]:
        """The latest checkpoint: a state on the host, and this process's pipeline state."""
        self._refuse_other_form()
        target = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        arguments = ocp.args.Composite(
            state=ocp.args.StandardRestore(target), data=ocp.args.JsonRestore()
        )
        restored: Any = self._manager.restore(self.latest, args=arguments)
        processes = restored.data["processes"]
        if len(processes) != jax.process_count():
            raise InputError(
                f"{self.folder}: saved by {len(processes)} process(es), and here are "
                f"{jax.process_count()}; continue with as many"
            )
        return restored.state, processes[jax.process_index()]

    def _refuse_other_form(self) -> None:
        with ocp.StandardCheckpointer() as checkpointer:
            found = checkpointer.metadata((self.folder / str(self.latest) / "state").resolve())
        if set(found.item_metadata.tree) != set(TrainState._fields):
            raise InputError(
                f"{self.folder}: saved by another version, whose optimiser keeps other arrays; "
                "start a new run from its weights with init_from"
            )


def _loss(metrics: Mapping[str, float]) -> float:
    return metrics["loss"]


def saved_steps(folder: epath.PathLike) -> list[int]:
    """Of the checkpoints that a run keeps, in rising order; none where there is no run."""
    checkpoints = epath.Path(folder) / FOLDER
    if not checkpoints.exists():
        return []
    return sorted(int(path.name) for path in checkpoints.iterdir() if path.name.isdigit())


class Chosen(NamedTuple):
    step: int
    metrics: dict[str, float]


def chosen(folder: epath.PathLike, *, best: bool = True) -> Chosen:
    """The best checkpoint by its validation, else the last."""
    steps = saved_steps(folder)
    if not steps:
        raise InputError(f"{folder}: no checkpoint yet; train some steps first")
    metrics = {step: _read_metrics(_folder_of(folder, step)) for step in steps}
    step = steps[-1]
    if best and (scored := {s: m["loss"] for s, m in metrics.items() if "loss" in m}):
        step = min(scored, key=lambda s: scored[s])
    return Chosen(step, metrics[step])


def load_run(
    folder: epath.PathLike, *, best: bool = True
) -> tuple[TrainConfig, Parameters, int, dict[str, float]]:
    """Config, averaged weights, step, validation metrics: of the chosen checkpoint."""
    config = read_config(folder)
    step, metrics = chosen(folder, best=best)
    path = _folder_of(folder, step) / "state"
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        found = checkpointer.metadata(path).item_metadata.tree
        # Not the optimiser's arrays, which are twice as many.
        wanted = {part: found[part] for part in ("frozen", "average")}
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
        arguments = ocp.args.PyTreeRestore(wanted, as_numpy, partial_restore=True)
        restored = checkpointer.restore(path, arguments)
    arrays = {**restored["frozen"], **restored["average"]}
    parameters = {name: jnp.asarray(value) for name, value in arrays.items()}
    return config, parameters, step, metrics


def _folder_of(folder: epath.PathLike, step: int) -> epath.Path:
    return (epath.Path(folder) / FOLDER / str(step)).resolve()


def _read_metrics(folder: epath.Path) -> dict[str, float]:
    path = folder / "metrics" / "metrics"
    return json.loads(path.read_text()) if path.exists() else {}


def _of_all_processes(data: Any) -> list[Any]:
    if jax.process_count() == 1:
        return [data]
    text = np.frombuffer(json.dumps(data).encode(), np.uint8)
    lengths = np.asarray(multihost_utils.process_allgather(np.array([len(text)])))
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(text)] = text
    rows = np.asarray(multihost_utils.process_allgather(padded))
    return [
        json.loads(row[:length].tobytes())
        for row, length in zip(rows, lengths.ravel(), strict=True)
    ]
