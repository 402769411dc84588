"""The full model with every quality, on the release's footage, for one H200.

    python train.py --config=configs/full.py --minutes=9
    kbvc export runs/full weights

Packs as in small.py, everything resident on the device. Five stages in runs/full/NAME; the same
command continues. docs/training.md has the whole recipe, docs/runs.csv the runs. Time and
result: unmeasured.
"""

import dataclasses

from configs import small
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import CheckpointConfig, LossConfig, OptimiserConfig, TrainConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

MODEL = ModelConfig(
    # 128 would keep but 33.7 dB (benchmarks/channels.py FOLDER 96,96,96,128 --every 40).
    image=CodecConfig(latent_channels=384),
    interpolator=InterpolatorConfig(matched=True),
    block_transform=True,
    fusion_channels=48,
    b_frames="predicted",
    lambda_max=small.MODEL.lambda_max,
)
DATA = dataclasses.replace(small.DATA, crop=(256, 256), batch_size=16)

CODEC = TrainConfig(
    model=MODEL,
    b_frames="kernel",  # until the last stage
    data=DATA,
    loss=LossConfig(fall=small.FALL, ramp_start=0.3, ramp_steps=500),
    # Twice the paper's rate for twice its batch and far fewer steps.
    optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=200, decay_steps=10_000),
    validation=small.validation(500),
    checkpoint=CheckpointConfig(every=500),
    precision="bfloat16",
    steps=40_000,
)
INTERPOLATOR = dataclasses.replace(
    CODEC,
    stage="interpolator",
    data=dataclasses.replace(DATA, stride=(1, 4)),
    loss=LossConfig(),
    optimiser=OptimiserConfig(learning_rate=3e-4, warmup_steps=200, decay_steps=2000),
    steps=8000,
)
IMAGE = dataclasses.replace(
    CODEC,
    stage="image",
    data=dataclasses.replace(small.IMAGE.data, batch_size=16),
    loss=small.IMAGE.loss,
    optimiser=dataclasses.replace(CODEC.optimiser, decay_steps=4000),
    validation=dataclasses.replace(small.IMAGE.validation, every=500),
    steps=10_000,
)
HYPERPRIOR = dataclasses.replace(
    CODEC,
    stage="hyperprior",
    data=dataclasses.replace(DATA, crop=small.HYPERPRIOR.data.crop),
    loss=small.HYPERPRIOR.loss,
    optimiser=dataclasses.replace(CODEC.optimiser, learning_rate=5e-4, decay_steps=4800),
    validation=dataclasses.replace(small.HYPERPRIOR.validation, every=500),
    steps=5000,
)
FUSION = dataclasses.replace(
    CODEC,
    stage="fusion",
    b_frames="predicted",
    data=dataclasses.replace(small.FUSION.data, batch_size=16),
    loss=small.FUSION.loss,
    optimiser=small.FUSION.optimiser,
    validation=dataclasses.replace(small.FUSION.validation, every=500),
    steps=5000,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("interpolator", INTERPOLATOR),
            StageConfig("image", IMAGE),
            StageConfig("codec", CODEC),
            StageConfig("hyperprior", HYPERPRIOR),
            StageConfig("fusion", FUSION),
        )
    )
