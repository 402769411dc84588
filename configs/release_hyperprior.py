"""Stage 4 of the release: its hyperpriors alone, while the transforms stand still.

    python train.py --config=configs/release_hyperprior.py --minutes=9 \\
        --config.init_from=runs/release

For one H200; time and result: unmeasured.
"""

import dataclasses

from configs import release, small, small_hyperprior
from kbvc_jax.training.config import LossConfig, TrainConfig


def get_config() -> TrainConfig:
    config = release.get_config()
    return dataclasses.replace(
        config,
        stage="hyperprior",
        data=dataclasses.replace(release.DATA, crop=small_hyperprior.CROP),
        loss=LossConfig(fall=small.FALL, ramp_start=1.0),
        optimiser=dataclasses.replace(config.optimiser, learning_rate=5e-4, decay_steps=4800),
        validation=dataclasses.replace(config.validation, data=small_hyperprior.VALIDATION_DATA),
        steps=5000,
    )
