"""Stage 4 of the small model: its frame codec alone, while what it refers to stands still.

python train.py --config=configs/small_frame.py --config.init_from=runs/small
"""

import dataclasses

from configs import small
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig


def get_config() -> TrainConfig:
    return dataclasses.replace(
        small.get_config(),
        stage="frame",
        loss=LossConfig(fall=small.FALL, ramp_start=1.0),
        # All of it tail.
        optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=50, decay_steps=3450),
        validation=dataclasses.replace(small.get_config().validation, every=1250),
        steps=3500,
    )
