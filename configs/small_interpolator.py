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
        data=dataclasses.replace(small.DATA, crop=(128, 128), batch_size=4),
        optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=100, decay_steps=700),
        validation=ValidationConfig(data=small.VALIDATION_DATA, clips=6, every=500),
        checkpoint=CheckpointConfig(every=100),
        steps=1700,
        log_every=20,
    )
