"""The first paper as it is written: one lambda, one network, nothing beside sections 3 and 4.2.

    python train.py --config=configs/paper.py --config.data.root=FOLDER --run=runs/paper-0.01
    python train.py --config=configs/paper.py --config.data.root=FOLDER --run=runs/paper-0.03 \\
        --stage=codec --config.init_from=runs/paper-0.01/interpolator \\
        --config.model.fixed_lambda=0.03
    kbvc export runs/paper-0.01 weights/paper-0.01

The first trains the interpolator, IFRNet-S, which the other lambdas share. Four, 0.005, 0.01, 0.03
and 0.05, make the paper's curve: python eval.py --checkpoints A,B,C,D. FOLDER holds
vimeo_septuplet/ as distributed. Published: 3 days a lambda on one A100, and the interpolator after
300 epochs of triplets (about 2 million steps of 8), 35.59 dB on Vimeo-90K. Hardware and time here:
unmeasured.

The paper is silent on the start of the kernel heads and on activations: step 0 returns the
interpolated frame (models/codecs/kernel.py), the transforms use a leaky ReLU. It is silent on the
number of steps, too: 1,000,000 are about what three days hold.
"""

import dataclasses

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)
from kbvc_jax.training.recipe import Recipe, StageConfig

CODEC = CodecConfig(
    hidden_channels=(96, 96, 96),  # N
    latent_channels=128,  # M
    hyper_channels=(128, 128, 128),
)
MODEL = ModelConfig(
    image=CODEC,
    frame=CODEC,
    head_channels=64,  # K
    kernel_size=31,  # KS
    interpolate=True,
    interpolator=InterpolatorConfig(channels=(24, 36, 54, 72), side_channels=24),  # IFRNet-S
    b_frames="kernel",
    fixed_lambda=0.01,
)
TRAINING = (SourceConfig("vimeo", "vimeo_septuplet", list="sep_trainlist.txt"),)
TESTING = (SourceConfig("vimeo", "vimeo_septuplet", list="sep_testlist.txt"),)
# Section 4.2: I0 B2 B1 B2 I0, crops of 256x256, batches of 8. No flips, no reversal, no scaling.
DATA = DataConfig(
    sources=TRAINING,
    frames=5,
    stride=(1, 1),
    crop=(256, 256),
    batch_size=8,
    flip=False,
    reverse=False,
    scaled=0.0,
)
# Equation 2 from the first step: the rate counts in full, all levels by the paper's lambdas.
LOSS = LossConfig(balance=0.0, ramp_start=1.0, ramp_steps=0)
# Adam at 1e-4: no warm-up, no tail, no clipping, one speed, the last weights. A step whose gradient
# is not finite is skipped all the same, since nothing could go on from it.
OPTIMISER = OptimiserConfig(
    learning_rate=1e-4,
    warmup_steps=0,
    decay_steps=0,
    clip_norm=None,
    density_speed=1.0,
    ema_decay=0.0,
    spike_factor=None,
)


CODEC_STAGE = TrainConfig(
    stage="codec",
    model=MODEL,
    data=DATA,
    loss=LOSS,
    optimiser=OPTIMISER,
    validation=ValidationConfig(
        data=dataclasses.replace(DATA, sources=TESTING), clips=32, every=5000
    ),
    checkpoint=CheckpointConfig(every=1000),
    start="random",
    precision="float32",
    steps=1_000_000,
)
# A clip of 5 gives three triplets, at distances 1 and 2.
INTERPOLATOR_STAGE = TrainConfig(
    stage="interpolator",
    model=MODEL,
    data=DataConfig(sources=TRAINING, stride=(1, 1), crop=(224, 224)),
    optimiser=OptimiserConfig(learning_rate=1e-4, decay_steps=100_000),
    validation=ValidationConfig(
        data=DataConfig(sources=TESTING, stride=(1, 1), crop=(256, 256)), clips=64, every=5000
    ),
    precision="bfloat16",
    steps=600_000,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("interpolator", INTERPOLATOR_STAGE),
            StageConfig("codec", CODEC_STAGE),
        )
    )
