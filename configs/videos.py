"""The small model on a folder of your own videos.

    python train.py --config=configs/videos.py --config.data.root=FOLDER
    kbvc export runs/videos weights
    kbvc encode clip.mp4 clip.kbvc --checkpoint weights

FOLDER/train and FOLDER/validation hold videos of at least 640x360 and, those to learn from, 25
frames. The stages of small.py without its photographs; about five hours on two cores, the same
command continues. The weights that ship begin where this ends: with
--config.init_from=kbvc_jax/weights --config.loss.ramp_start=1 it goes on from them, and its weights
are then under their licence.
"""

import dataclasses

from configs import small
from kbvc_jax.data.config import SourceConfig
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

TRAIN = (SourceConfig("videos", "train"),)
VALIDATION = (SourceConfig("videos", "validation"),)


def from_videos(config: TrainConfig) -> TrainConfig:
    data = dataclasses.replace(config.data, sources=TRAIN, root="", resident=False)
    held_out = dataclasses.replace(config.validation.data, sources=VALIDATION)
    validation = dataclasses.replace(config.validation, data=held_out)
    return dataclasses.replace(config, data=data, validation=validation)


def get_config() -> Recipe:
    stages = small.get_config().stages
    return Recipe(tuple(StageConfig(s.name, from_videos(s.train)) for s in stages))
