"""The product: one model for every quality, trained on Vimeo-90K.

    python train.py --config=configs/kbvc.py --config.data.root=FOLDER
    kbvc export runs/kbvc weights

FOLDER holds vimeo_septuplet/ as distributed. The interpolator (IFRNet-S) alone, then both codecs.
Then, if wanted, larger crops and GoP 9 from clips longer than septuplets: --stage=codec
--run=runs/longer --config.init_from=runs/kbvc --config.loss.ramp_steps=0 --config.data.frames=9
--config.data.crop=384,384 over a config whose data has them.

The paper's batch of 8, crop, learning rate (section 4.2; it took 3 days a lambda on an A100).
Ours: quality drawn for each group, warm-up, decay tail, clipping, averaged weights, rate ramp,
bfloat16 convolutions. Hardware and time here: unmeasured.
"""

import dataclasses

from configs import paper
from kbvc_jax.data.config import DataConfig
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig, ValidationConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

# A septuplet holds 5 frames at stride 1 alone.
DATA = DataConfig(sources=paper.TRAINING, stride=(1, 1))


def codec(model: ModelConfig) -> TrainConfig:
    return TrainConfig(
        model=model,
        data=DATA,
        loss=LossConfig(ramp_steps=10_000),
        optimiser=OptimiserConfig(learning_rate=1e-4, decay_steps=200_000),
        validation=ValidationConfig(
            data=dataclasses.replace(DATA, sources=paper.TESTING), clips=32, every=5000
        ),
        precision="bfloat16",
        steps=1_000_000,
    )


def recipe(model: ModelConfig) -> Recipe:
    interpolator = dataclasses.replace(paper.INTERPOLATOR_STAGE, model=model)
    return Recipe(
        stages=(StageConfig("interpolator", interpolator), StageConfig("codec", codec(model)))
    )


def get_config() -> Recipe:
    return recipe(ModelConfig())
