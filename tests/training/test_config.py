import dataclasses

import pytest

from kbvc_jax.config import load_config
from kbvc_jax.models.config import ModelConfig, SsfConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.config import TrainConfig, check, differences
from kbvc_jax.training.recipe import Recipe, check_training
from tests.training.stub import config

STAGES = {
    "smoke": None,
    "no_interpolation": None,
    "kernel51": "interpolator codec",
    "kbvc": "interpolator codec",
    "paper": "interpolator codec",
    "paper_small": "interpolator codec",
    "small": "interpolator image codec frame hyperprior fusion",
    "videos": "image residual fusion",
    "small_videos": "interpolator image codec frame hyperprior fusion motion residual joint closed",
    "full": "interpolator image codec hyperprior fusion",
    "motion_small": "motion residual joint closed",
    "motion": "interpolator image flow motion residual joint groups",
}


@pytest.mark.parametrize("name", STAGES)
def test_every_experiment_is_consistent(name):
    found = load_config(f"configs/{name}.py", TrainConfig, Recipe)
    check_training(found, devices=1)
    assert (" ".join(found.names) if isinstance(found, Recipe) else None) == STAGES[name]
    for stage in found.stages if isinstance(found, Recipe) else ():
        again = {"groups": "joint", "closed": "joint"}  # on other clips, after P-frames
        assert stage.train.stage == again.get(stage.name, stage.name)


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
        ({"b_frames": "motion"}, "b_frames=motion: this model has kernel, predicted"),
        ({"p_frames": "image"}, "p_frames=image: this model has kernel, predicted"),
        (
            {"model": ModelConfig(ssf=SsfConfig()), "b_frames": "ssf", "p_frames": "predicted"},
            "p_frames=predicted: groups of ssf have P-frames alone",
        ),
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
