"""configs/paper.py against sections 3 and 4.2: nothing beside them is switched on."""

import jax.numpy as jnp
from flax import nnx

from configs import paper
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.training import schedule
from kbvc_jax.training.config import TrainConfig

CONFIG = paper.get_config()["codec"]


def test_equation_2_holds_from_the_first_step():
    assert isinstance(CONFIG, TrainConfig) and CONFIG.stage == "codec"
    assert float(schedule.rate_weight(jnp.int32(0), CONFIG.loss)) == 1
    assert CONFIG.loss.fall == (0, 0) and CONFIG.loss.balance == 0
    assert CONFIG.model.fixed_lambda == 0.01 and not CONFIG.model.gains


def test_training_has_no_additions():
    optimiser, data = CONFIG.optimiser, CONFIG.data
    assert optimiser.clip_norm is None and optimiser.spike_factor is None
    assert optimiser.density_speed == 1 and optimiser.ema_decay == 0
    assert optimiser.warmup_steps == 0 and optimiser.decay_steps == 0
    assert optimiser.learning_rate == 1e-4
    assert not data.flip and not data.reverse and data.scaled == 0
    assert (data.frames, data.crop, data.batch_size) == (5, (256, 256), 8)
    assert CONFIG.start == "random" and CONFIG.precision == "float32"


def test_the_model_has_no_additions():
    model = nnx.eval_shape(lambda: Kbvc(CONFIG.model))
    assert model.fusion is None and model.interpolator is not None
    assert not model.interpolator.matched
    assert model.image.feedback is None and model.image.block_decoder is None
    assert model.image.gain is None and model.frame.gain is None
    assert CONFIG.model.b_frames == "kernel"
