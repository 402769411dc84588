from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jaxtyping import Array

from kbvc_jax.encoder.gop_choice import FALL, Group
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.training.config import LossConfig, TrainConfig
from kbvc_jax.training.group import CodedGroup, code_group
from kbvc_jax.training.loss import balance, draw_quality, falling, levels_of, rate_distortion
from tests.training.stub import StubModel, config

QUALITY = jnp.full(5, 50.0)


class Call(NamedTuple):
    codec: str
    source: Array
    references: list
    rate: Rate


class Recorder(StubModel):
    """Notes every batch that is coded."""

    def __init__(self):
        super().__init__()
        self.calls = nnx.data([])

    def codec(self, name, size, integers=None):
        codec, seen = super().codec(name, size), []
        context, analyse = codec.context, codec.analyse

        def noted_context(references, rate):
            seen[:] = [reference.frame for reference in references]
            return context(references, rate)

        def noted(frame, observed, context, rate):
            self.calls.append(Call(name, frame, list(seen), rate))
            return analyse(frame, observed, context, rate)

        codec.context, codec.analyse = noted_context, noted
        return codec


def frames(count: int = 5):
    return jax.random.uniform(jax.random.key(0), (count, 16, 16, 3))


def test_levels_are_the_papers():
    assert levels_of(5, TrainConfig()) == (0, 2, 1, 2, 0)
    assert levels_of(9, TrainConfig()) == (0, 2, 1, 2, 1, 2, 1, 2, 0)
    assert levels_of(3, TrainConfig()) == (0, 2, 0)
    assert levels_of(5, TrainConfig(b_frames="moved")) == (0, 3, 3, 3, 3)
    assert levels_of(5, TrainConfig(p_frames="moved")) == (0, 2, 1, 2, 3)


def test_i_frames_are_one_call_and_so_are_the_leaves():
    model, source = Recorder(), frames()
    code_group(model, source, QUALITY)
    assert [call.codec for call in model.calls] == ["image", "kernel", "kernel"]
    for call, times in zip(model.calls, [(0, 4), (2,), (1, 3)], strict=True):
        np.testing.assert_array_equal(call.source, source[jnp.array(times)])
    assert [list(call.rate.level) for call in model.calls] == [[0, 0], [1], [2, 2]]


def test_references_are_reconstructions_on_the_grid_that_files_have():
    model, source = Recorder(), frames()
    coded = code_group(model, source, QUALITY)
    references = model.calls[2].references
    for row, (previous, following) in enumerate([(0, 2), (2, 4)]):
        for place, time in enumerate((previous, following)):
            shown = jnp.round(jnp.clip(coded.frames[time], 0, 1) * 255) / 255
            np.testing.assert_allclose(references[place][row], shown, atol=1e-7)


def test_under_noise_references_are_not_rounded():
    model = Recorder()
    coded = code_group(model, frames(), QUALITY, jax.random.key(1))
    np.testing.assert_allclose(model.calls[1].references[0][0], coded.frames[0], atol=1e-7)


def test_the_loss_is_equation_2():
    coded = CodedGroup(frames() + 0.1, jnp.arange(5.0), jnp.ones(5))
    loss, metrics = rate_distortion(coded, frames(), QUALITY, 0.5, config())
    model = config().model
    weight = np.sqrt(model.lambda_min * model.lambda_max)  # the middle, whose balance is 1
    factors = np.array([1, 0.7, 0.85, 0.7, 1])
    cost = weight * factors * 255**2 * 0.01 + 0.5 * (np.arange(5) + 1) / 256
    assert float(loss) == pytest.approx(cost.mean(), rel=1e-4)
    assert float(metrics["bpp"]) == pytest.approx(3 / 256)
    assert float(metrics["bpp_y/B2"]) == pytest.approx(2 / 256)
    assert float(metrics["bpp_z/I"]) == pytest.approx(1 / 256)


def test_a_fixed_lambda_is_used_as_it_is():
    paper = config(model=ModelConfig(fixed_lambda=0.05))
    np.testing.assert_allclose(lambda_of(QUALITY, paper.model), np.full(5, 0.05), rtol=1e-6)
    assert balance(jnp.array([0.05]), paper.model, paper.loss) == 1.0


@pytest.mark.parametrize(("power", "expected"), [(0.0, 1.0), (0.5, np.sqrt(2.0)), (1.0, 2.0)])
def test_balance_divides_by_a_power_of_lambda(power, expected):
    model, loss = ModelConfig(), LossConfig(balance=power)
    twice = 2 * np.sqrt(model.lambda_min * model.lambda_max)
    assert float(balance(jnp.array([twice]), model, loss)[0]) == pytest.approx(expected)


def test_qualities_are_drawn_over_the_whole_range():
    keys = jax.random.split(jax.random.key(0), 500)
    drawn = jax.vmap(lambda key: draw_quality(key, 3, LossConfig(quality=(20.0, 60.0))))(keys)
    assert 20 <= drawn.min() < 22 and 58 < drawn.max() <= 60
    assert drawn.mean() == pytest.approx(40, abs=2)
    assert (drawn == drawn[:, :1]).all()  # without a fall


def test_quality_falls_as_the_encoder_lets_it_fall():
    """Times of 8 by their depth; the encoder counts in half steps."""
    depths = np.array([0, 3, 2, 3, 1, 3, 2, 3, 0])
    offsets = np.array([0, *Group(0, 8, FALL).level_offsets]) / 2
    found = falling(jnp.float32(50), FALL / 2, 9)
    np.testing.assert_allclose(found, 50 + offsets[depths], rtol=1e-6)
    np.testing.assert_array_equal(falling(jnp.float32(5), 12.0, 9)[1:4], [0, 0, 0])


def test_falls_are_drawn_apart_from_qualities():
    keys = jax.random.split(jax.random.key(0), 500)
    config = LossConfig(quality=(50.0, 100.0), fall=(9.0, 36.0))
    drawn = jax.vmap(lambda key: draw_quality(key, 5, config))(keys)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 4])
    falls = 3 * (drawn[:, 0] - drawn[:, 2])
    assert 9 <= falls.min() < 10 and 35 < falls.max() <= 36.001
    np.testing.assert_allclose(2 * falls, 3 * (drawn[:, 0] - drawn[:, 1]), rtol=1e-3)
    assert abs(np.corrcoef(drawn[:, 0], falls)[0, 1]) < 0.15


def test_the_network_hears_each_frames_own_quality():
    model, quality = Recorder(), jnp.array([50.0, 40.0, 45.0, 41.0, 51.0])
    code_group(model, frames(), quality)
    heard = [call.rate.quality for call in model.calls]
    for found, expected in zip(heard, ([50, 51], [45], [40, 41]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_each_frame_counts_at_the_lambda_of_its_own_quality():
    """Halving one frame's lambda halves what its error costs, but for the balance."""
    paper = config(loss=LossConfig(balance=0.5))
    model, source = paper.model, frames()
    coded = CodedGroup(source + 0.1, jnp.zeros(5), jnp.zeros(5))
    steps = 100 * np.log(2) / np.log(model.lambda_max / model.lambda_min)
    whole = rate_distortion(coded, source, QUALITY, 1.0, paper)[0]
    lowered = rate_distortion(coded, source, QUALITY.at[2].add(-steps), 1.0, paper)[0]
    own = 0.85 / (1 + 0.7 + 0.85 + 0.7 + 1)  # of frame 2
    assert float(lowered / whole) == pytest.approx(1 - own * (1 - np.sqrt(0.5)), rel=1e-4)


def test_gradients_flow_through_the_whole_group():
    """The leaves alone are judged: the I-frames' weights hear of it through the references."""
    source = frames()

    def leaf_error(gain):
        model = StubModel()
        model.image.gain[...] = gain
        coded = code_group(model, source, QUALITY, jax.random.key(0))
        return jnp.mean((coded.frames[jnp.array([1, 3])] - source[jnp.array([1, 3])]) ** 2)

    assert float(jnp.abs(jax.grad(leaf_error)(jnp.full(3, 0.5))).min()) > 1e-4


def test_alone_means_that_the_second_reference_is_the_first():
    model = Recorder()
    code_group(model, frames(), QUALITY, alone=True)
    for call in model.calls[1:]:
        np.testing.assert_array_equal(*call.references)


def test_b_frames_are_walked_by_the_codec_asked_for():
    model = Recorder()
    code_group(model, frames(), QUALITY, b_frames="predicted")
    assert [call.codec for call in model.calls] == ["image", "predicted", "predicted"]


def test_a_p_frame_may_close_a_group():
    model, source = Recorder(), frames()
    coded = code_group(model, source, QUALITY, p_frames="predicted")
    assert [call.codec for call in model.calls] == ["image", "predicted", "kernel", "kernel"]
    first, closing, middle, _ = model.calls
    np.testing.assert_array_equal(first.source, source[:1])
    np.testing.assert_array_equal(closing.source, source[4:])
    shown = jnp.round(jnp.clip(coded.frames, 0, 1) * 255) / 255
    np.testing.assert_allclose(closing.references[0][0], shown[0], atol=1e-7)
    np.testing.assert_array_equal(closing.rate.distances, [[4, 4]])
    np.testing.assert_allclose(middle.references[1][0], shown[4], atol=1e-7)


def test_remat_changes_nothing_but_memory():
    outcomes = [
        code_group(StubModel(), frames(), QUALITY, jax.random.key(0), remat=remat)
        for remat in (False, True)
    ]
    jax.tree.map(np.testing.assert_array_equal, *outcomes)
