"""Ablation: kernels of 51 taps.

    python train.py --config=configs/kernel51.py --config.data.root=FOLDER \\
        --config.init_from=runs/interpolator

In the paper the curves hardly change. Here: unmeasured.
"""

import dataclasses

from configs import kbvc
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.config import TrainConfig


def get_config() -> TrainConfig:
    return dataclasses.replace(kbvc.get_config(), model=ModelConfig(kernel_size=51))
