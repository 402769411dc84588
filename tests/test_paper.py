"""The first paper's system from training to a curve: configs/paper.py, at toy size."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import kbvc_jax
from configs import paper, smoke
from kbvc_jax.cli.main import main
from kbvc_jax.models.config import CodecConfig, InterpolatorConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.config import CheckpointConfig, ValidationConfig
from kbvc_jax.training.export import export_run
from kbvc_jax.training.group import code_group
from kbvc_jax.training.run import run

CLIP = Path(kbvc_jax.__file__).parent / "assets" / "bunny.mp4"
LAMBDAS = (0.005, 0.05)
FRAMES = 9
CODEC = CodecConfig(hidden_channels=(13, 49, 64), latent_channels=96, hyper_channels=(16, 16, 16))

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]


def toy(fixed_lambda: float):
    """The paper's config in all but size, start and pace: a few steps from random weights learn
    nothing, and at its learning rate unlearn so small a transform."""
    config = paper.get_config()["codec"]
    clip = smoke.get_config().data
    # I0 B2 I0: half the paper's group compiles in half the time.
    clip = dataclasses.replace(clip, frames=3, batch_size=1, flip=False, reverse=False, scaled=0)
    return dataclasses.replace(
        config,
        model=dataclasses.replace(
            config.model,
            image=CODEC,
            frame=CODEC,
            head_channels=8,
            kernel_size=7,
            interpolator=InterpolatorConfig(channels=(6, 8, 10, 12), side_channels=4),
            fixed_lambda=fixed_lambda,
        ),
        data=clip,
        validation=ValidationConfig(data=clip, clips=1, every=4),
        checkpoint=CheckpointConfig(every=4),
        optimiser=dataclasses.replace(config.optimiser, learning_rate=1e-5),
        start="transform",
        steps=4,
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Inference checkpoints, one a lambda."""
    folder = tmp_path_factory.mktemp("paper")
    for value in LAMBDAS:
        run(toy(value), folder / f"run-{value}")
        export_run(folder / f"run-{value}", folder / f"model-{value}")
    return [folder / f"model-{value}" for value in LAMBDAS]


@pytest.fixture(scope="module")
def frames():
    with kbvc_jax.open_video(CLIP, frames=FRAMES) as video:
        return np.stack(list(video))


@pytest.fixture(scope="module")
def streams(models, frames):
    return [kbvc_jax.load(model).encode(frames) for model in models]


def test_info_names_kernels_for_every_b_frame(streams, tmp_path, capsys):
    for data in streams:
        (tmp_path / "clip.kbvc").write_bytes(data)
        assert main(["info", str(tmp_path / "clip.kbvc"), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["frames_by_codec"] == {"I": 2, "B kernel": 7}
        assert facts["quality"] is None
        assert all(not any(group["quality_offsets"]) for group in facts["groups"])


def test_the_larger_lambda_gives_the_better_picture_for_more_bytes(models, streams, frames):
    errors = [
        np.mean((kbvc_jax.load(model).decode(data).astype(float) - frames) ** 2)
        for model, data in zip(models, streams, strict=True)
    ]
    assert errors[1] < errors[0] and len(streams[1]) > 1.2 * len(streams[0])


def test_likelihood_and_file_size_agree_within_a_per_cent(models, streams, frames):
    source = jnp.asarray(frames, jnp.float32) / 255
    for folder, data in zip(models, streams, strict=True):
        model = kbvc_jax.load(folder).inference.model
        group = nnx.jit(code_group)(model, source, jnp.zeros(FRAMES))
        bits = float(group.bits_y.sum() + group.bits_z.sum())
        assert 8 * len(data) == pytest.approx(bits, rel=0.01)


def test_a_quality_is_refused_with_a_word_on_the_lambda(models, frames, tmp_path, capsys):
    with pytest.raises(InputError, match="trained for lambda 0.005 alone"):
        kbvc_jax.load(models[0]).encode(frames, 50)
    out = str(tmp_path / "clip.kbvc")
    assert main(["encode", str(CLIP), out, "-q", "50", "--checkpoint", str(models[0])]) == 2
    assert "lambda 0.005 alone" in capsys.readouterr().err


def test_the_card_names_the_lambda(models):
    for folder, value in zip(models, LAMBDAS, strict=True):
        assert str(value) in (folder / "README.md").read_text()
        config = json.loads((folder / "model.json").read_text())["config"]
        assert config["fixed_lambda"] == value and config["b_frames"] == "kernel"


def test_evaluation_draws_the_lambdas_as_one_curve(models, tmp_path):
    curve = "paper=" + ",".join(map(str, models))
    command = [sys.executable, "eval.py", "--out", str(tmp_path), "--checkpoints", curve]
    command += ["--config.frames=9", "--config.anchors.codecs=()", "--config.pictures=0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert [(codec["name"], codec["setting"]) for codec in results["codecs"]] == [
        ("paper", "lambda")
    ]
    points = [(point["codec"], point["setting"]) for point in results["points"]]
    assert points == [("paper", value) for value in LAMBDAS]
    assert (tmp_path / "rd.png").is_file()
