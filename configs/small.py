"""The small model, for CPUs: under a sixth of the full model's multiply-adds, every quality.

    python -m kbvc_jax.data.pack FOOTAGE/train packs/train --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/validation packs/validation --codec copy --container zip
    python -m kbvc_jax.data.pack FOOTAGE/stills packs/stills --size 960x540 --container zip
    python train.py --config=configs/small_interpolator.py
    python train.py --config=configs/small_image.py --config.init_from=runs/small_interpolator
    python train.py --config=configs/small.py --config.init_from=runs/small_image
    python train.py --config=configs/small_frame.py --config.init_from=runs/small
    python train.py --config=configs/small_hyperprior.py --config.init_from=runs/small_frame
    python train.py --config=configs/small_fusion.py --config.init_from=runs/small_hyperprior

Each train.py runs until its steps are done; --minutes=N saves and stops before, and the same
command continues. Two cores; see docs/release-training.md for the runs that were made.
"""

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)

MODEL = ModelConfig(
    # A pass over I-frames costs little, and everything refers to them: wide where it is coarse.
    # Of 256 channels of 16x16 pixels quality 100 was left with an error no bits could mend.
    image=CodecConfig((32, 64, 128), latent_channels=384, hyper_channels=(96, 96)),
    frame=CodecConfig((32, 48, 64), latent_channels=128, hyper_channels=(96, 96)),
    head_channels=16,
    kernel_size=15,
    interpolator=InterpolatorConfig(channels=(8, 12, 18, 24), side_channels=8, matched=True),
    block_transform=True,
    fusion_channels=24,
    b_frames="predicted",
    lambda_max=0.32,  # I-frames of calm scenes are worth it: all others have their detail from them
)
FALL = (0.0, 36.0)  # of quality: the encoder's falls by 18 or, where it chooses, by up to 48
DATA = DataConfig(
    sources=(
        SourceConfig("pack", "train", weight=0.85),
        SourceConfig("pack", "stills", weight=0.15),
    ),
    root="packs",
    crop=(192, 192),  # z is 1/64 of it: on smaller crops it would have no neighbours
    batch_size=1,  # steps count more than their smoothness
    threads=2,
    resident=True,  # 3.5 GB of memory
)
# Whole groups of the test's length.
VALIDATION_DATA = DataConfig(
    sources=(SourceConfig("pack", "validation"),),
    frames=9,
    crop=(256, 256),
    batch_size=3,
    stride=(1, 1),
)


def get_config() -> TrainConfig:
    return TrainConfig(
        model=MODEL,
        data=DATA,
        # Both codecs work from the start: a short ramp is enough.
        loss=LossConfig(fall=FALL, ramp_start=0.3, ramp_steps=300),
        # More than 3e-4 unlearns the starting point before it learns.
        optimiser=OptimiserConfig(learning_rate=1.5e-4, warmup_steps=50, decay_steps=1800),
        validation=ValidationConfig(
            data=VALIDATION_DATA, clips=6, every=750, qualities=(0.0, 50.0, 100.0)
        ),
        checkpoint=CheckpointConfig(every=100),
        steps=3000,
        log_every=20,
    )
