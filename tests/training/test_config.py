import dataclasses

import pytest

from kbvc_jax.config import load_config
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.config import TrainConfig, check, differences
from tests.training.stub import config

EXPERIMENTS = ("interpolator", "kbvc", "paper", "no_interpolation", "kernel51")
SMALL_ONES = (
    "smoke",
    "paper_small",
    "small",
    "small_image",
    "small_frame",
    "small_hyperprior",
    "small_interpolator",
    "small_fusion",
)
RELEASE = tuple(
    "release" + part for part in ("", "_image", "_hyperprior", "_interpolator", "_fusion")
)


@pytest.mark.parametrize("name", EXPERIMENTS + SMALL_ONES + RELEASE)
def test_every_experiment_is_consistent(name):
    check(load_config(f"configs/{name}.py", TrainConfig), devices=1)


def test_a_continuation_may_be_longer_but_not_another_model():
    ours = config(steps=500, log_every=7)
    assert differences(ours, config()) == []
    other = config(model=ModelConfig(kernel_size=51), seed=3)
    assert differences(other, config()) == [
        "model.kernel_size: 51 here, 31 there",
        "seed: 3 here, 0 there",
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": ModelConfig(quality_points=0)}, "model.fixed_lambda"),
        ({"stage": "interpolator", "model": ModelConfig(interpolate=False)}, "interpolate=true"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, named):
    with pytest.raises(InputError, match=named):
        check(config(**changes), devices=1)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("batch_size", 6, "divided among 4 devices"),
        ("crop", (16, 24), "multiples of 16"),
        ("frames", 1, "at least 2"),
    ],
)
def test_data_that_could_not_train_is_refused(field, value, named):
    data = dataclasses.replace(config().data, **{field: value})
    with pytest.raises(InputError, match=named):
        check(config(data=data), devices=4)


@pytest.mark.parametrize("stage", ["interpolator", "frame"])
def test_two_frames_have_no_b_frame_to_learn(stage):
    data = dataclasses.replace(config().data, frames=2)
    with pytest.raises(InputError, match=f"stage={stage} needs at least 3"):
        check(config(stage=stage, data=data), devices=1)
