"""What has been trained so far: by a run, or by the stages of a recipe together."""

from typing import NamedTuple

from etils import epath

from kbvc_jax.models.parameters import Parameters
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.checkpoints import load_run
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.init_from import start_from
from kbvc_jax.training.recipe_folder import runs_in
from kbvc_jax.training.run_folder import read_config

_PARTS = ("interpolator", "fusion")  # stages whose validation knows no bits


class Trained(NamedTuple):
    # Of the last run that codes: as load_run, with the parameters of all.
    weights: tuple[TrainConfig, Parameters, int, dict[str, float]]
    run: epath.Path  # that run
    runs: tuple[epath.Path, ...]  # all

    @property
    def prefix(self) -> str:
        """Whose step it is, where there are several."""
        return f"{self.run.name}'s " if len(self.runs) > 1 else ""


def load_trained(folder: epath.PathLike) -> Trained:
    """Each run's weights of its best step; of those that several trained, the last one's."""
    runs = runs_in(folder)
    stages = [read_config(run).stage for run in runs]
    coding = [run for run, stage in zip(runs, stages, strict=True) if stage not in _PARTS]
    if not runs:
        raise InputError(f"{folder}: no stage has a checkpoint yet; train some steps first")
    if not coding:
        parts = " and the ".join(dict.fromkeys(stages))
        raise InputError(f"{folder}: is a run of the {parts} alone; a codec run can be exported")
    config, parameters, step, validation = load_run(coding[-1])
    if len(runs) > 1:
        sources = ",".join(str(run) for run in runs)
        parameters = start_from(parameters, sources, config.model, config.stage)
    return Trained((config, parameters, step, validation), coding[-1], tuple(runs))
