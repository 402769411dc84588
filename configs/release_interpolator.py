"""Stage 1 of the release: IFRNet-S on the release's footage. See release.py, which comes next.

    python train.py --config=configs/release_interpolator.py --minutes=9

For one H200; time and result: unmeasured.
"""

import dataclasses

from configs import release, small
from kbvc_jax.training.config import (
    CheckpointConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)


def get_config() -> TrainConfig:
    return TrainConfig(
        stage="interpolator",
        data=dataclasses.replace(release.DATA, stride=(1, 4)),
        optimiser=OptimiserConfig(learning_rate=3e-4, warmup_steps=200, decay_steps=2000),
        validation=ValidationConfig(data=small.VALIDATION_DATA, clips=6, every=500),
        checkpoint=CheckpointConfig(every=500),
        precision="bfloat16",
        steps=8000,
    )
