"""Ablation: kernels of 51 taps.

    python train.py --config=configs/kernel51.py --config.data.root=FOLDER

With --stage=codec --config.init_from=runs/kbvc/interpolator it takes the interpolator of kbvc.py.
In the paper the curves hardly change. Here: unmeasured.
"""

from configs import kbvc
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.recipe import Recipe


def get_config() -> Recipe:
    return kbvc.recipe(ModelConfig(kernel_size=51))
