"""Stage 6 of the small model: what predicted frames take from their references, all else at rest.

python train.py --config=configs/small_fusion.py --config.init_from=runs/small_hyperprior
"""

import dataclasses

from configs import small
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig

# Triplets, near and far.
DATA = dataclasses.replace(small.DATA, frames=3, stride=(1, 8), crop=(192, 256), batch_size=2)
VALIDATION_DATA = dataclasses.replace(small.VALIDATION_DATA, frames=3, stride=(2, 2))


def get_config() -> TrainConfig:
    return dataclasses.replace(
        small.get_config(),
        stage="fusion",
        data=DATA,
        loss=LossConfig(fall=(6.0, 60.0)),
        optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=50, decay_steps=4950),
        validation=dataclasses.replace(
            small.get_config().validation,
            data=VALIDATION_DATA,
            every=1000,
            qualities=(40.0, 70.0, 100.0),
        ),
        steps=5000,
    )
