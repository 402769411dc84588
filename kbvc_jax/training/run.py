"""From a config to a trained run: what train.py calls, and what a script may call."""

import dataclasses

import jax
import numpy as np
from etils import epath

from kbvc_jax.data.config import DataConfig
from kbvc_jax.data.dataset import make_dataset, validation_clips
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.init_from import read_weights, weights_in
from kbvc_jax.training.loop import train
from kbvc_jax.training.parameters import build
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import TrainState
from kbvc_jax.training.stopping import Stopping
from kbvc_jax.training.validation import Batch


def run(
    config: TrainConfig, folder: epath.PathLike, *, stopping: Stopping | None = None
) -> TrainState:
    """Trains, or continues, the run in `folder`. Everything is opened before anything compiles."""
    with open_run(folder, config) as run_folder:
        batches = make_dataset(
            config.data, process_index=jax.process_index(), process_count=jax.process_count()
        )
        validation = validation_batches(config)
        for source in weights_in(config.init_from or ""):
            read_weights(source)  # is it there?
        model = build(config)
        return train(config, model, batches, run_folder, validation=validation, stopping=stopping)


def validation_data(config: TrainConfig) -> DataConfig:
    data = config.validation.data
    return dataclasses.replace(data, root=data.root or config.data.root)


def validation_batches(config: TrainConfig) -> list[Batch]:
    """This process's share of each."""
    if not config.validation.clips:
        return []
    data = validation_data(config)
    clips = validation_clips(data, config.validation.clips)
    batches = len(clips) // data.batch_size
    return [
        np.split(batch, jax.process_count())[jax.process_index()]
        for batch in np.split(clips, batches)
    ]
