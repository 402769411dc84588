"""Stage 1 of the full model: the interpolator (IFRNet-S) alone, on Vimeo-90K.

    python train.py --config=configs/interpolator.py --config.data.root=FOLDER

FOLDER holds vimeo_septuplet/ as distributed, and a folder of stills or none.
Published after 300 epochs of triplets (about 2 million steps of 8): 35.59 dB on Vimeo-90K.
Hardware and time here: unmeasured.
"""

from configs.kbvc import vimeo_data
from kbvc_jax.training.config import OptimiserConfig, TrainConfig, ValidationConfig


def get_config() -> TrainConfig:
    return TrainConfig(
        stage="interpolator",
        # The paper's crops; a clip of 5 gives three triplets, at distances 1 and 2 of its stride.
        data=vimeo_data(crop=(224, 224)),
        optimiser=OptimiserConfig(learning_rate=1e-4, decay_steps=100_000),
        validation=ValidationConfig(data=vimeo_data(testing=True), clips=64, every=5000),
        precision="bfloat16",
        steps=600_000,
    )
