"""Sent motion for the small model (after arXiv 2506.07709): all else is as it ships.

    python train.py --config=configs/motion_small.py --config.init_from=kbvc_jax/weights
    kbvc export runs/motion_small weights/motion

Packs as in small.py. Stages: the motion alone, what it leaves of frames, both, both after P-frames.
What blocks leave that are moved, by which B-frames are coded unless one asks, is coded by the same.
Two cores: see docs/design.md, Sent motion.
"""

import dataclasses

from configs import small
from kbvc_jax.models.config import MotionConfig
from kbvc_jax.training.config import CheckpointConfig, LossConfig, OptimiserConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

MODEL = dataclasses.replace(
    small.MODEL, b_frames="compensated,predicted", p_frames="moved,predicted", motion=MotionConfig()
)
# By what it makes of references about as they are coded; triplets, near and far.
MOTION = dataclasses.replace(
    small.CODEC,
    stage="motion",
    model=MODEL,
    b_frames="motion",
    data=dataclasses.replace(small.DATA, frames=3, stride=(1, 8), crop=(256, 256), batch_size=2),
    loss=LossConfig(ramp_start=0.3, ramp_steps=300),
    optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=100, decay_steps=6000),
    validation=small.validation(1000, frames=3, stride=(2, 2), crop=(256, 384)),
    checkpoint=CheckpointConfig(every=250),
    steps=9000,
)
# While the motion stands still: groups as they are coded, over short and long ways.
RESIDUAL = dataclasses.replace(
    small.CODEC,
    stage="residual",
    model=MODEL,
    b_frames="motion",
    data=dataclasses.replace(small.DATA, frames=5, stride=(1, 3)),
    loss=LossConfig(fall=small.FALL, ramp_start=0.3, ramp_steps=300),
    optimiser=OptimiserConfig(learning_rate=3e-4, warmup_steps=50, decay_steps=2000),
    validation=small.validation(500),
    steps=3000,
)
JOINT = dataclasses.replace(
    RESIDUAL,
    stage="joint",
    loss=LossConfig(fall=small.FALL, ramp_start=1.0),
    optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=50, decay_steps=4900),
    steps=5000,
)
# Groups whose last frame is a P-frame, over short and long ways: what most of a stream is.
CLOSED = dataclasses.replace(
    JOINT,
    stage="joint",
    p_frames="moved",
    optimiser=OptimiserConfig(learning_rate=1.5e-4, warmup_steps=50, decay_steps=2200),
    steps=6600,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("motion", MOTION),
            StageConfig("residual", RESIDUAL),
            StageConfig("joint", JOINT),
            StageConfig("closed", CLOSED),
        )
    )
