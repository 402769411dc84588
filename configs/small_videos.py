"""The small model from nothing on a folder of your own videos: its weights are under your licence.

    python train.py --config=configs/small_videos.py --config.data.root=FOLDER
    kbvc export runs/small_videos weights

FOLDER as for videos.py, its videos of at least 640x360. The stages of small.py, without its
photographs, and of motion_small.py; some ten hours on two cores. From end to end, export and coding
too, they were run with 20 steps a stage alone (--config.steps=20 and schedules as short).
"""

import dataclasses

from configs import motion_small, small
from configs.videos import from_folder
from kbvc_jax.training.recipe import Recipe, StageConfig


def get_config() -> Recipe:
    stages = [*small.get_config().stages, *motion_small.get_config().stages]
    configs = [dataclasses.replace(s.train, model=motion_small.MODEL) for s in stages]
    names = [stage.name for stage in stages]
    return Recipe(tuple(map(StageConfig, names, map(from_folder, configs))))
