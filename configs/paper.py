"""The first paper as it is written: one lambda, one network, nothing beside sections 3 and 4.2.

    python train.py --config=configs/interpolator.py --config.data.root=FOLDER
    python train.py --config=configs/paper.py --config.data.root=FOLDER \\
        --config.init_from=runs/interpolator --config.model.fixed_lambda=0.01 --run=runs/paper-0.01
    kbvc export runs/paper-0.01 weights/paper-0.01

Four runs, lambda 0.005, 0.01, 0.03 and 0.05, make the paper's curve: python eval.py
--checkpoints A,B,C,D. FOLDER holds vimeo_septuplet/ as distributed. Published: 3 days a lambda on
one A100. Hardware and time here: unmeasured.

The paper is silent on the start of the kernel heads and on activations: step 0 returns the
interpolated frame (models/frame_codec.py), the transforms use a leaky ReLU. It is silent on the
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
# Section 4.2: I0 B2 B1 B2 I0, crops of 256x256, batches of 8. No flips, no reversal, no scaling.
DATA = DataConfig(
    sources=(SourceConfig("vimeo", "vimeo_septuplet", list="sep_trainlist.txt"),),
    frames=5,
    stride=(1, 1),
    crop=(256, 256),
    batch_size=8,
    flip=False,
    reverse=False,
    scaled=0.0,
)
TESTING = dataclasses.replace(
    DATA, sources=(SourceConfig("vimeo", "vimeo_septuplet", list="sep_testlist.txt"),)
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


def get_config() -> TrainConfig:
    return TrainConfig(
        stage="codec",
        model=MODEL,
        data=DATA,
        loss=LOSS,
        optimiser=OPTIMISER,
        validation=ValidationConfig(data=TESTING, clips=32, every=5000),
        checkpoint=CheckpointConfig(every=1000),
        start="random",
        precision="float32",
        steps=1_000_000,
    )
