"""The small model, for CPUs: under a sixth of the full model's multiply-adds, every quality.

    python -m kbvc_jax.data.pack FOOTAGE/train packs/train --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/validation packs/validation --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/stills packs/stills --size 960x540 --container zip
    python train.py --config=configs/small.py
    kbvc export runs/small weights

Six stages, one after the other, in runs/small/NAME. --minutes=N saves and stops before they are
done, and the same command continues; --stage=NAME trains one alone. Two cores; see
docs/training.md for times, docs/runs.csv for the runs that were made.
"""

import dataclasses

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)
from kbvc_jax.training.recipe import Recipe, StageConfig

MODEL = ModelConfig(
    # A pass over I-frames costs little, and everything refers to them: wide where it is coarse.
    # Of 256 channels of 16x16 pixels quality 100 was left with an error no bits could mend.
    image=CodecConfig((32, 64, 128), latent_channels=384, hyper_channels=(96, 96)),
    frame=CodecConfig((32, 48, 64), latent_channels=128, hyper_channels=(96, 96)),
    head_channels=16,
    kernel_size=15,
    interpolator=InterpolatorConfig(channels=(8, 12, 18, 24), side_channels=8, matched=True),
    block_transform=True,
    fusion_channels=24,
    b_frames="predicted",
    lambda_max=0.32,  # I-frames of calm scenes are worth it: all others have their detail from them
)
FALL = (0.0, 36.0)  # of quality: the encoder's falls by 18 or, where it chooses, by up to 48
DATA = DataConfig(
    sources=(
        SourceConfig("pack", "train", weight=0.85),
        SourceConfig("pack", "stills", weight=0.15),
    ),
    root="packs",
    crop=(192, 192),  # z is 1/64 of it: on smaller crops it would have no neighbours
    batch_size=1,  # steps count more than their smoothness
    threads=2,
    resident=True,  # 3.5 GB of memory
)
# Whole groups of the test's length.
VALIDATION = ValidationConfig(
    data=DataConfig(
        sources=(SourceConfig("pack", "validation"),),
        frames=9,
        crop=(256, 256),
        batch_size=3,
        stride=(1, 1),
    ),
    clips=6,
    every=750,
    qualities=(0.0, 50.0, 100.0),
)


def validation(every: int, **data) -> ValidationConfig:
    """On other clips of the same footage."""
    return dataclasses.replace(
        VALIDATION, data=dataclasses.replace(VALIDATION.data, **data), every=every
    )


INTERPOLATOR = TrainConfig(
    stage="interpolator",
    model=MODEL,
    data=dataclasses.replace(DATA, crop=(128, 128), batch_size=4),
    optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=100, decay_steps=700),
    validation=validation(500),
    checkpoint=CheckpointConfig(every=100),
    steps=1700,
    log_every=20,
)
CODEC = TrainConfig(
    model=MODEL,
    b_frames="kernel",  # until the last stage
    data=DATA,
    # Both work from the start: a short ramp is enough.
    loss=LossConfig(fall=FALL, ramp_start=0.3, ramp_steps=300),
    # More than 3e-4 unlearns the starting point before it learns.
    optimiser=OptimiserConfig(learning_rate=1.5e-4, warmup_steps=50, decay_steps=1800),
    validation=VALIDATION,
    checkpoint=CheckpointConfig(every=100),
    steps=3000,
    log_every=20,
)
# Before B-frames refer to its pictures.
IMAGE = dataclasses.replace(
    CODEC,
    stage="image",
    # Groups of two frames hold I-frames alone; they lie far apart, so that both teach something.
    data=dataclasses.replace(DATA, frames=2, stride=(8, 24), crop=(256, 256)),
    loss=LossConfig(ramp_start=1.0),
    optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=100, decay_steps=4200),
    validation=validation(1900, frames=2),
    steps=9500,
    log_every=50,
)
# While what it refers to stands still.
FRAME = dataclasses.replace(
    CODEC,
    stage="frame",
    loss=LossConfig(fall=FALL, ramp_start=1.0),
    # All of it tail.
    optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=50, decay_steps=3450),
    validation=validation(1250),
    steps=3500,
)
# While the transforms stand still.
HYPERPRIOR = dataclasses.replace(
    CODEC,
    stage="hyperprior",
    # Whole frames have few edges: on small crops z would see little else.
    data=dataclasses.replace(DATA, batch_size=4, crop=(320, 448)),
    loss=LossConfig(fall=FALL, ramp_start=1.0),
    # All of it tail.
    optimiser=OptimiserConfig(learning_rate=5e-4, warmup_steps=50, decay_steps=1950),
    validation=validation(1000, crop=(352, 624)),
    steps=2000,
)
# What predicted frames take from their references, all else at rest.
FUSION = dataclasses.replace(
    CODEC,
    stage="fusion",
    b_frames="predicted",
    # Triplets, near and far.
    data=dataclasses.replace(DATA, frames=3, stride=(1, 8), crop=(192, 256), batch_size=2),
    loss=LossConfig(fall=(6.0, 60.0)),
    optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=50, decay_steps=4950),
    validation=dataclasses.replace(
        validation(1000, frames=3, stride=(2, 2)), qualities=(40.0, 70.0, 100.0)
    ),
    steps=5000,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("interpolator", INTERPOLATOR),
            StageConfig("image", IMAGE),
            StageConfig("codec", CODEC),
            StageConfig("frame", FRAME),
            StageConfig("hyperprior", HYPERPRIOR),
            StageConfig("fusion", FUSION),
        )
    )
