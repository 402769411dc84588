"""Scale-space flow at the small size: configs/ssf.py with the widths, data and steps of the codec
of configs/paper_small.py, so that both compare at equal budgets.

    python train.py --config=configs/ssf_small.py --run=runs/ssf_small-0.01
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
