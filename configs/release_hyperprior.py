"""Stage 4 of the release: its hyperpriors alone, on pictures so large that z has neighbours.

    python train.py --config=configs/release_hyperprior.py --minutes=9 \\
        --config.init_from=runs/release

For one H200; time and result: unmeasured.
"""

import dataclasses

from configs import release
from kbvc_jax.training.config import LossConfig, TrainConfig


def get_config() -> TrainConfig:
    config = release.get_config()
    return dataclasses.replace(
        config,
        stage="hyperprior",
        data=dataclasses.replace(release.DATA, crop=(448, 832), batch_size=8),
        loss=LossConfig(ramp_start=1.0),
        optimiser=dataclasses.replace(config.optimiser, learning_rate=5e-4, decay_steps=4800),
        steps=5000,
    )
