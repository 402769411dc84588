"""The weights that ship, trained further on a folder of your own videos.

    python train.py --config=configs/videos.py --config.data.root=FOLDER
    kbvc export runs/videos weights
    kbvc encode clip.mp4 clip.kbvc --checkpoint weights

FOLDER/train and FOLDER/validation hold videos of at least 448x256 and 25 frames of what will be
coded: a camera, a game, a series. The same command continues. Each stage keeps what validates best,
the weights that it began with among the rest. The new weights are under the licence of those that
ship; from nothing, under yours: small_videos.py.
"""

import dataclasses

from configs import motion_small, small
from kbvc_jax.data.config import SourceConfig
from kbvc_jax.training.config import OptimiserConfig, TrainConfig
from kbvc_jax.training.recipe import Recipe, StageConfig


def from_folder(config: TrainConfig) -> TrainConfig:
    """On the folder's videos, which stay in memory."""
    held_out = dataclasses.replace(
        config.validation.data, sources=(SourceConfig("videos", "validation"),)
    )
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, sources=(SourceConfig("videos", "train"),), root=""),
        validation=dataclasses.replace(config.validation, data=held_out),
    )


def further(config: TrainConfig, steps: int, learning_rate: float) -> TrainConfig:
    """From the weights that ship, gently."""
    config = from_folder(config)
    return dataclasses.replace(
        config,
        model=motion_small.MODEL,
        validation=dataclasses.replace(config.validation, every=steps // 2),
        optimiser=OptimiserConfig(
            learning_rate=learning_rate, warmup_steps=50, decay_steps=steps - 50
        ),
        init_from="kbvc_jax/weights",
        steps=steps,
    )


# What moved blocks leave of B-frames.
RESIDUAL = dataclasses.replace(
    motion_small.RESIDUAL,
    b_frames="compensated",
    loss=dataclasses.replace(motion_small.RESIDUAL.loss, ramp_start=1.0),
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("image", further(small.IMAGE, 1500, 1e-4)),
            StageConfig("residual", further(RESIDUAL, 1000, 1e-4)),
            StageConfig("fusion", further(small.FUSION, 500, 5e-4)),
        )
    )
