import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.training.group import code_group
from kbvc_jax.training.parameters import build
from kbvc_jax.training.stages import build_stage
from tests.tiny import TINY
from tests.training.stub import config, descended

pytestmark = pytest.mark.heavy

CONFIG = config(stage="fusion", model=TINY)
FRAMES = jnp.asarray(np.random.default_rng(4).random((3, 32, 48, 3)), jnp.float32)


@pytest.fixture(scope="module")
def model():
    return build(CONFIG)


@pytest.fixture(scope="module")
def stage(model):
    return build_stage(CONFIG, model)


@nnx.jit
def shown(model, frames, alone):
    quality = jnp.array([60.0, 40.0, 60.0])
    return code_group(model, frames, quality, b_frames="predicted", alone=alone).frames[1]


def test_the_fusion_alone_is_trained(stage):
    assert {name.split(".")[0] for name in stage.trainable} == {"fusion"}
    assert {name.split(".")[0] for name in stage.frozen} == {"image", "frame", "interpolator"}


def test_a_p_frame_knows_nothing_of_the_second_side(model):
    other = FRAMES.at[2].set(1 - FRAMES[2])
    for alone in (True, False):
        found, changed = (shown(model, frames, alone) for frames in (FRAMES, other))
        assert (np.abs(found - changed).max() == 0) == alone


def test_steps_down_the_gradient_lower_the_loss(stage):
    assert descended(stage, FRAMES, steps=20, pace=5e-2) < 0.98
