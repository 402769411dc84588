"""A codec is a file: examples/own_codec.py is trained, encoded with and decoded with."""

import dataclasses
import io
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY, tiny_inference

from examples.own_codec import ToyCodec, ToyNetwork
from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.codecs import registry
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.parameters import split
from kbvc_jax.training.config import OptimiserConfig
from kbvc_jax.training.group import code_group
from kbvc_jax.training.stages import build_stage
from kbvc_jax.training.step import initial_state, replicate, split_batch, train_step
from kbvc_jax.video.format import VideoFormat
from tests.training.stub import config

pytestmark = pytest.mark.slow

# A square that moves, under light that grows.
TIME, ROW, COLUMN = np.mgrid[:5, :32, :48]
SQUARE = (np.abs(ROW - 16) < 8) & (np.abs(COLUMN - 8 - 6 * TIME) < 8)
CLIP = np.repeat((40 + 120 * SQUARE + 16 * TIME)[..., None], 3, -1).astype(np.uint8)


@pytest.fixture
def inference():
    registry.add("toy", ToyCodec)
    found = tiny_inference(3)
    found.model.toy = ToyNetwork()
    yield found
    NAMES.remove("toy")
    registry.CODECS.pop("toy")


def test_it_is_coded_and_decoded(inference):
    codec = Codec(inference)
    data = codec.encode(CLIP, 90, gop=4, keyint=4, b_frames="toy", effort=2)
    (_, group) = StreamReader(io.BytesIO(data))
    assert [NAMES[number] for number in group.codecs] == ["image", "toy", "toy"]
    decoded = codec.decode(data)
    assert decoded.shape == CLIP.shape
    blocks = (5, 2, 16, 3, 16, 3)
    ours, theirs = (x.astype(float).reshape(blocks).mean((2, 4)) for x in (decoded, CLIP))
    assert np.abs(ours - theirs)[1:4].max() < 4.5  # a symbol is worth 255 / 64


def test_it_is_trained(inference):
    """By the step that trains all others."""
    asked = config(
        model=dataclasses.replace(TINY, fixed_lambda=None),
        b_frames="toy",
        optimiser=OptimiserConfig(learning_rate=0.1, warmup_steps=0),
    )
    stage = build_stage(asked, inference.model)
    own = {name: v for name, v in stage.trainable.items() if name.startswith("toy.")}
    assert list(own) == ["toy.log2_gain"]
    frozen = {n: v for n, v in (stage.trainable | stage.frozen).items() if n not in own}
    state = replicate(initial_state(own, frozen, asked.optimiser))
    step = train_step(asked, stage.loss)
    for _ in range(3):
        state, metrics = step(state, split_batch(np.stack([CLIP] * jax.local_device_count())))
    assert np.isfinite(metrics["loss"])
    assert (np.asarray(state.trainable["toy.log2_gain"]) != 6.0).all()


def test_estimate_and_file_agree(inference):
    skeleton, arrays = split(inference.model)
    quality = jnp.full(5, 90.0)
    estimate = jax.jit(
        lambda arrays, clip: code_group(skeleton.model(arrays), clip, quality, b_frames="toy")
    )
    found = estimate(arrays, jnp.asarray(CLIP, jnp.float32) / 255)
    format = VideoFormat(48, 32, Fraction(25), "709", True, 8, "444")
    options = {"gop": 4, "b_frames": "toy", "rounding": "nearest"}
    summary = Codec(inference).encode_stream(CLIP, format, io.BytesIO(), 90, **options)
    for row in (row for row in summary.statistics if row.kind == "B"):
        assert float(found.bits_y[row.index]) == pytest.approx(row.bits["colour"], rel=0.02)
