"""Scale-space flow at the small size: configs/ssf.py with the widths, data and steps of the codec
of configs/paper_small.py, so that both compare at equal budgets.

    python train.py --config=configs/ssf_small.py --run=runs/ssf_small-0.01

benchmarks/claims.py trains its four lambdas and compares. One core, 1.05 steps a second: 19 minutes
for lambda 0.01, 10 for each other, and a minute of compilation. Validation, six crops of 256x256,
five frames, one of them an I-frame: lambda 0.005 28.81 dB at 0.378 bits a pixel, 0.01 29.73 at
0.545, 0.03 31.26 at 0.839, 0.05 31.87 at 0.977.
"""

import dataclasses

from configs import paper_small, ssf
from kbvc_jax.models.config import CodecConfig, SsfConfig
from kbvc_jax.training.config import TrainConfig

SENT = CodecConfig((32, 48, 64), latent_channels=128, hyper_channels=(96, 96))
MODEL = dataclasses.replace(
    ssf.MODEL, image=paper_small.MODEL.image, ssf=SsfConfig(motion=SENT, residual=SENT)
)


def get_config() -> TrainConfig:
    return dataclasses.replace(paper_small.CODEC, model=MODEL)
