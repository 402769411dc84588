"""Does training work here? A tiny model on the bundled clip, all qualities.

python train.py --config=configs/smoke.py
"""

from pathlib import Path

import kbvc_jax
from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig, ModelConfig
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)

CODEC = CodecConfig(hidden_channels=(16, 16, 16), latent_channels=16, hyper_channels=(16, 16, 16))


def get_config() -> TrainConfig:
    clip = DataConfig(
        sources=(SourceConfig("videos", "assets"),),
        root=str(Path(kbvc_jax.__file__).parent),
        crop=(64, 64),
        batch_size=4,
        stride=(1, 2),
        threads=2,
    )
    return TrainConfig(
        model=ModelConfig(
            image=CODEC,
            frame=CODEC,
            head_channels=8,
            kernel_size=7,
            interpolator=InterpolatorConfig(channels=(6, 8, 10, 12), side_channels=4),
        ),
        data=clip,
        loss=LossConfig(ramp_start=1.0),
        optimiser=OptimiserConfig(learning_rate=5e-4, warmup_steps=20, ema_decay=0.99),
        validation=ValidationConfig(data=clip, clips=4, every=100, qualities=(0.0, 50.0, 100.0)),
        checkpoint=CheckpointConfig(every=100),
        steps=200,
        log_every=20,
    )
