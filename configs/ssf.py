"""Scale-space flow (Agustsson et al. 2020), the anchor of the first paper's Table 1, under the same
rules as configs/paper.py: its data, its loss, one lambda.

    python train.py --config=configs/ssf.py --config.data.root=FOLDER --run=runs/ssf-0.01
    python train.py --config=configs/ssf.py --config.data.root=FOLDER --run=runs/ssf-0.03 \\
        --config.model.fixed_lambda=0.03
    kbvc export runs/ssf-0.01 weights/ssf-0.01
    python eval.py --checkpoints paper=PAPER,... ssf=weights/ssf-0.01,... --anchor ssf

34.2 M parameters, as published. It codes I P P P P: of `--gop N` every Nth frame is an I-frame. On
a GPU; hardware and time unmeasured.
"""

import dataclasses

from configs import paper
from kbvc_jax.models.config import CodecConfig, ModelConfig, SsfConfig
from kbvc_jax.training.config import TrainConfig

MODEL = ModelConfig(
    image=CodecConfig((128, 128, 128), latent_channels=192, hyper_channels=(192, 192, 192)),
    frame=None,
    interpolate=False,
    b_frames=None,
    p_frames="ssf",
    ssf=SsfConfig(),
    fixed_lambda=0.01,
)


def get_config() -> TrainConfig:
    return dataclasses.replace(paper.CODEC_STAGE, model=MODEL)
