"""Stage 5 of the release: what predicted frames take from their references, all else at rest.

    python train.py --config=configs/release_fusion.py --minutes=9 \\
        --config.init_from=runs/release_hyperprior

For one H200; time and result: unmeasured.
"""

import dataclasses

from configs import release, small_fusion
from kbvc_jax.training.config import TrainConfig


def get_config() -> TrainConfig:
    config, small = release.get_config(), small_fusion.get_config()
    return dataclasses.replace(
        config,
        stage="fusion",
        data=dataclasses.replace(small_fusion.DATA, batch_size=16),
        loss=small.loss,
        optimiser=small.optimiser,
        validation=dataclasses.replace(small.validation, every=500),
        steps=5000,
    )
