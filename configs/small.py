"""The small model, for CPUs: about an eighth of the full model's multiply-adds, every quality.

    python -m kbvc_jax.data.pack FOOTAGE/train packs/train --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/validation packs/validation --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/stills packs/stills --size 960x540 --container zip
    python train.py --config=configs/small_interpolator.py
    python train.py --config=configs/small.py --config.init_from=runs/small_interpolator

Each train.py runs until its steps are done; --minutes=N saves and stops before, and the same
command continues. Two cores; see docs/release-training.md for the runs that were made.
"""

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)

MODEL = ModelConfig(
    latent_channels=64,
    hidden_channels=32,
    head_channels=16,
    kernel_size=15,
    interpolator=InterpolatorConfig(channels=(8, 12, 18, 24), side_channels=8),
)
DATA = DataConfig(
    sources=(
        SourceConfig("pack", "train", weight=0.85),
        SourceConfig("pack", "stills", weight=0.15),
    ),
    root="packs",
    crop=(128, 128),
    batch_size=4,  # twice the steps of the paper's 8 in the same time
    threads=2,
    resident=True,  # 3.5 GB of memory
)
# Whole groups of the test's length.
VALIDATION_DATA = DataConfig(
    sources=(SourceConfig("pack", "validation"),),
    frames=9,
    crop=(256, 256),
    batch_size=3,
    stride=(1, 1),
)


def get_config() -> TrainConfig:
    return TrainConfig(
        model=MODEL,
        data=DATA,
        loss=LossConfig(ramp_steps=600),
        # Five times the paper's rate: a narrow network, few steps.
        optimiser=OptimiserConfig(learning_rate=5e-4, warmup_steps=100, decay_steps=3000),
        validation=ValidationConfig(
            data=VALIDATION_DATA, clips=6, every=500, qualities=(0.0, 50.0, 100.0)
        ),
        checkpoint=CheckpointConfig(every=100),
        steps=10_000,
        log_every=20,
    )
