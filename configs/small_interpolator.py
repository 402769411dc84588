"""Stage 1 of the small model: its interpolator. See small.py, which comes next.

python train.py --config=configs/small_interpolator.py
"""

import dataclasses

from configs import small
from kbvc_jax.training.config import (
    CheckpointConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)


def get_config() -> TrainConfig:
    return TrainConfig(
        stage="interpolator",
        model=small.MODEL,
        data=dataclasses.replace(small.DATA, batch_size=8),
        optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=100, decay_steps=1000),
        validation=ValidationConfig(data=small.VALIDATION_DATA, clips=6, every=500),
        checkpoint=CheckpointConfig(every=100),
        steps=3000,
        log_every=20,
    )
