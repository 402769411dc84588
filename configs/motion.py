"""The second paper (arXiv 2506.07709), every quality, for GPUs.

    python train.py --config=configs/motion.py
    python train.py --config=configs/motion.py --stage=flow    # one stage alone
    kbvc export runs/motion weights/motion

Packs as in small.py. Its own parts have 11.0 million parameters, 13.8 with the interpolator; the
I-frame codec is that of full.py. Seven stages: the interpolator and the I-frame codec, FlowNet
without labels, the motion by what it makes of references, the frame while the motion stands still,
all of it on triplets, then on whole groups, gradients through their references. Time and result:
unmeasured.
"""

import dataclasses

from configs import full, small
from kbvc_jax.models.config import FineConfig
from kbvc_jax.training.config import LossConfig, OptimiserConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

MODEL = dataclasses.replace(
    full.MODEL, fusion_channels=0, b_frames="fine", p_frames="fine", fine=FineConfig()
)
TRIPLETS = dataclasses.replace(full.DATA, frames=3, stride=(1, 8))
BASE = dataclasses.replace(
    full.CODEC,
    model=MODEL,
    b_frames="fine",
    data=TRIPLETS,
    optimiser=OptimiserConfig(
        learning_rate=1e-4, warmup_steps=200, decay_steps=20_000, final_share=0.02, clip_norm=0.2
    ),
    validation=small.validation(1000, frames=3, stride=(2, 2)),
)
INTERPOLATOR = dataclasses.replace(full.INTERPOLATOR, model=MODEL)
IMAGE = dataclasses.replace(full.IMAGE, model=MODEL)
# Large motion needs large crops; what is hidden counts from a fifth of the way.
FLOW = dataclasses.replace(
    BASE,
    stage="flow",
    data=dataclasses.replace(TRIPLETS, crop=(352, 512), batch_size=8),
    loss=LossConfig(ramp_start=0.5, ramp_steps=10_000),
    optimiser=dataclasses.replace(BASE.optimiser, clip_norm=1.0),
    steps=50_000,
)
MOTION = dataclasses.replace(
    BASE, stage="motion", loss=LossConfig(ramp_start=0.03, ramp_steps=5000), steps=40_000
)
RESIDUAL = dataclasses.replace(
    BASE,
    stage="residual",
    loss=LossConfig(fall=(6.0, 60.0), ramp_start=0.03, ramp_steps=10_000),
    steps=80_000,
)
JOINT = dataclasses.replace(
    BASE, stage="joint", loss=LossConfig(fall=(6.0, 60.0), ramp_start=1.0), steps=80_000
)
GROUPS = dataclasses.replace(
    JOINT,
    data=dataclasses.replace(full.DATA, frames=9, stride=(1, 2), batch_size=4),
    loss=LossConfig(fall=small.FALL, ramp_start=1.0),
    validation=small.validation(1000),
    remat=True,
    steps=20_000,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("interpolator", INTERPOLATOR),
            StageConfig("image", IMAGE),
            StageConfig("flow", FLOW),
            StageConfig("motion", MOTION),
            StageConfig("residual", RESIDUAL),
            StageConfig("joint", JOINT),
            StageConfig("groups", GROUPS),
        )
    )
