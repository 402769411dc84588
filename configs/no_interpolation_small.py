"""Ablation at the small size: configs/paper_small.py without the interpolated frame.

    python train.py --config=configs/no_interpolation_small.py

benchmarks/claims.py trains its four lambdas and compares.
"""

import dataclasses

from configs import paper_small
from kbvc_jax.training.config import TrainConfig

MODEL = dataclasses.replace(paper_small.MODEL, interpolate=False)


def get_config() -> TrainConfig:
    return dataclasses.replace(paper_small.CODEC, model=MODEL)
