"""The product: one model for every quality, trained on Vimeo-90K. Stage 2; stage 1 comes first.

    python train.py --config=configs/interpolator.py --config.data.root=FOLDER
    python train.py --config=configs/kbvc.py --config.data.root=FOLDER \\
        --config.init_from=runs/interpolator

FOLDER holds vimeo_septuplet/ as distributed. Then, if wanted, larger crops and GoP 9 from clips
longer than septuplets: --config.init_from=runs/kbvc --config.loss.ramp_steps=0
--config.data.frames=9 --config.data.crop=384,384 over a config whose data has them.

The paper's batch of 8, crop, learning rate (section 4.2; it took 3 days a lambda on an A100).
Ours: quality drawn for each group, warm-up, decay tail, clipping, averaged weights, rate ramp,
bfloat16 convolutions. Hardware and time here: unmeasured.
"""

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig, ValidationConfig


def vimeo_data(*, crop: tuple[int, int] = (256, 256), testing: bool = False) -> DataConfig:
    lists = "sep_testlist.txt" if testing else "sep_trainlist.txt"
    return DataConfig(
        sources=(SourceConfig("vimeo", "vimeo_septuplet", list=lists),),
        # A septuplet holds 5 frames at stride 1 alone.
        stride=(1, 1),
        crop=crop,
    )


def get_config() -> TrainConfig:
    return TrainConfig(
        data=vimeo_data(),
        loss=LossConfig(ramp_steps=10_000),
        optimiser=OptimiserConfig(learning_rate=1e-4, decay_steps=200_000),
        validation=ValidationConfig(data=vimeo_data(testing=True), clips=32, every=5000),
        precision="bfloat16",
        steps=1_000_000,
    )
