"""Stage 2 of the small model: its image codec, before B-frames refer to its pictures.

python train.py --config=configs/small_image.py --config.init_from=runs/small_interpolator
"""

import dataclasses

from configs import small
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig

# Groups of two frames hold I-frames alone; they lie far apart, so that both teach something.
DATA = dataclasses.replace(small.DATA, frames=2, stride=(8, 24), crop=(256, 256))
VALIDATION_DATA = dataclasses.replace(small.VALIDATION_DATA, frames=2)


def get_config() -> TrainConfig:
    return dataclasses.replace(
        small.get_config(),
        stage="image",
        data=DATA,
        loss=LossConfig(ramp_start=1.0),
        optimiser=OptimiserConfig(learning_rate=2e-4, warmup_steps=100, decay_steps=4200),
        validation=dataclasses.replace(
            small.get_config().validation, data=VALIDATION_DATA, every=1900
        ),
        steps=9500,
        log_every=50,
    )
