"""Ablation at the small size: configs/paper_small.py without the interpolated frame.

    python train.py --config=configs/no_interpolation_small.py

benchmarks/claims.py trains its four lambdas and compares. One core, 1.9 steps a second: 11 minutes
for lambda 0.01, 5 for each other. Validation as of paper_small.py: lambda 0.005 26.30 dB at 0.341
bits a pixel, 0.01 26.66 at 0.491, 0.03 27.46 at 0.745, 0.05 27.81 at 0.879.
"""

import dataclasses

from configs import paper_small
from kbvc_jax.training.config import TrainConfig

MODEL = dataclasses.replace(paper_small.MODEL, interpolate=False)


def get_config() -> TrainConfig:
    return dataclasses.replace(paper_small.CODEC, model=MODEL)
