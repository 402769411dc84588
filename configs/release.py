"""Stage 3 of the release: every quality in one full-size model, on the release's footage.

    python train.py --config=configs/release.py --config.init_from=runs/release_image --minutes=9

Packs as in small.py; docs/release-training.md has the whole recipe and the table of runs. For one
H200, everything resident on the device; time and result: unmeasured.
"""

import dataclasses

from configs import small
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)

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


def get_config() -> TrainConfig:
    return TrainConfig(
        model=MODEL,
        data=DATA,
        loss=LossConfig(fall=small.FALL, ramp_start=0.3, ramp_steps=500),
        # Twice the paper's rate for twice its batch and far fewer steps.
        optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=200, decay_steps=10_000),
        validation=ValidationConfig(
            data=small.VALIDATION_DATA, clips=6, every=500, qualities=(0.0, 50.0, 100.0)
        ),
        checkpoint=CheckpointConfig(every=500),
        precision="bfloat16",
        steps=40_000,
    )
