"""The paper's own model: one lambda, no gains; four runs make its curve.

    python train.py --config=configs/paper.py --config.data.root=FOLDER \\
        --config.init_from=runs/interpolator --config.loss.fixed_lambda=0.01 --run=runs/paper-0.01

lambda is one of 0.005, 0.01, 0.03, 0.05. Equation 2 as it stands; one lambda needs no balance.
Published: 3 days on one A100 each. Hardware and time here: unmeasured.
"""

import dataclasses

from configs import kbvc
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.config import TrainConfig


def get_config() -> TrainConfig:
    config = kbvc.get_config()
    return dataclasses.replace(
        config,
        model=ModelConfig(quality_points=0),
        loss=dataclasses.replace(config.loss, fixed_lambda=0.01),
    )
