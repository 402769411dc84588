"""What a validation shows: the panels of each stage, and the sheet that a run leaves."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath
from PIL import Image as Pillow
from tiny import SENDING, built

from kbvc_jax.models.codecs.panels import Difference, Flow, Image
from kbvc_jax.training.loop import train
from kbvc_jax.training.reporting import Reporter
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.sample import found
from kbvc_jax.training.stages import build_stage
from kbvc_jax.training.step import evaluation_step, split_batch
from kbvc_jax.training.validation import Validation
from tests.training.stub import Clips, StubModel, config

pytestmark = pytest.mark.heavy

MODEL = dataclasses.replace(SENDING, b_frames="motion")
MOTION = ["motion to the previous", "motion to the following", "previous, warped"]
MOTION += ["following, warped", "blend: share of the previous", "blend"]
FUSED = ["before fusion", "what fusion adds"]
RNG = np.random.default_rng(0)
CLIPS = RNG.integers(0, 256, (8, 3, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    return built(SENDING)


@pytest.mark.parametrize(
    ("stage", "captions"),
    [
        ("interpolator", []),
        ("motion", MOTION),
        ("codec", [*MOTION, "residual", *FUSED]),
    ],
)
def test_each_stage_shows_the_middle_frame_of_the_first_clip(model, stage, captions):
    built = build_stage(config(stage=stage, model=MODEL), model)
    groups = split_batch(built.prepare(CLIPS))
    _, found = evaluation_step(built.evaluate)(
        built.trainable | built.frozen, groups, jnp.float32(50)
    )
    assert list(found.pictures) == captions
    assert list(found.compared) == ["source", "result", "result - source"]
    source, result, difference = found.compared.values()
    assert isinstance(source, Image) and isinstance(difference, Difference)
    np.testing.assert_allclose(source.samples, CLIPS[0, 1] / 255, atol=1e-6)
    np.testing.assert_array_equal(result.samples, found.frames[len(found.frames) // 2])
    np.testing.assert_allclose(difference.samples, result.samples - source.samples, atol=1e-6)
    for panel in found.pictures.values():
        if isinstance(panel, Flow):
            assert panel.vectors.shape == (32, 32, 2)


def run(folder, **changes):
    chosen, clips = config(**changes), [next(Clips())["frames"]]
    with open_run(folder, chosen):
        train(chosen, StubModel(), Clips(), folder, validation=clips)


def test_a_run_leaves_the_sample_of_its_latest_validation(tmp_path):
    run(tmp_path, steps=5)
    first = np.asarray(Pillow.open(tmp_path / "sample.png"))
    assert first.shape[1] <= 1600
    run(tmp_path, steps=10)
    assert not np.array_equal(first, np.asarray(Pillow.open(tmp_path / "sample.png")))


def test_a_stage_that_measures_rate_alone_is_told_by_it(tmp_path, capsys):
    """That of the hyperpriors makes no pictures."""
    picture = jnp.zeros((16, 16, 3))
    shown = found(picture[None], picture, picture, {})
    ladder = [{"quality": quality, "loss": 1.0, "bpp": 0.25} for quality in (0.0, 100.0)]
    with Reporter(epath.Path(tmp_path), 10, 0, 5) as reporter:
        source = np.zeros((1, 16, 16, 3), np.uint8)
        reporter.validation(5, Validation(1.0, ladder, source, [shown] * 2), best=True)
    line = "validation 5: loss 1.0000 (best)  0.2500 bpp, 0.2500 bpp\n"
    assert capsys.readouterr().out == line
    assert (tmp_path / "sample.png").exists() and not (tmp_path / "curve.png").exists()


def test_the_sample_is_in_tensorboard_as_it_is_in_the_folder(tmp_path, monkeypatch):
    written = {}

    class Board:
        def __init__(self, *_, **__):
            pass

        def add_scalar(self, *_):
            pass

        def add_image(self, tag, image, step, dataformats):
            written[tag, step] = image

        def close(self):
            pass

    monkeypatch.setattr("tensorboardX.SummaryWriter", Board)
    run(tmp_path)
    assert {step for tag, step in written if tag == "sample"} == {5, 10}
    np.testing.assert_array_equal(written["sample", 10], Pillow.open(tmp_path / "sample.png"))
