"""Stage 5 of the small model: its hyperpriors alone, while the transforms stand still.

python train.py --config=configs/small_hyperprior.py --config.init_from=runs/small_frame
"""

import dataclasses

from configs import small
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig

# Whole frames have few edges: on small crops z would see little else.
CROP = (320, 448)
VALIDATION_DATA = dataclasses.replace(small.VALIDATION_DATA, crop=(352, 624))


def get_config() -> TrainConfig:
    return dataclasses.replace(
        small.get_config(),
        stage="hyperprior",
        data=dataclasses.replace(small.DATA, batch_size=4, crop=CROP),
        loss=LossConfig(fall=small.FALL, ramp_start=1.0),
        # All of it tail.
        optimiser=OptimiserConfig(learning_rate=5e-4, warmup_steps=50, decay_steps=1950),
        validation=dataclasses.replace(
            small.get_config().validation, data=VALIDATION_DATA, every=1000
        ),
        steps=2000,
    )
