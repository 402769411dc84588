"""Stage 2 of the release: the image codec, before B-frames refer to its pictures.

    python train.py --config=configs/release_image.py --minutes=9 \\
        --config.init_from=runs/release_interpolator

For one H200; time and result: unmeasured.
"""

import dataclasses

from configs import release, small_image
from kbvc_jax.training.config import LossConfig, TrainConfig


def get_config() -> TrainConfig:
    config = release.get_config()
    return dataclasses.replace(
        config,
        stage="image",
        data=dataclasses.replace(small_image.DATA, batch_size=16),
        loss=LossConfig(ramp_start=1.0),
        optimiser=dataclasses.replace(config.optimiser, decay_steps=4000),
        validation=dataclasses.replace(config.validation, data=small_image.VALIDATION_DATA),
        steps=10_000,
    )
