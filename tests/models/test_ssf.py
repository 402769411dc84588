"""Scale-space flow: P-frames in real streams, and that it learns motion."""

import dataclasses
import io
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from tiny import SSF, built, inference, tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.checkpoint import load_inference, save_inference
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.walk import estimate
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.group import code_group
from kbvc_jax.training.stages import build_stage
from kbvc_jax.video.format import VideoFormat
from tests.models.streams import pictures
from tests.training.stub import config


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(3, SSF))


def names(data: bytes) -> list[str]:
    """The codec of each frame, in display order."""
    records = list(StreamReader(io.BytesIO(data)))
    assert all(record.frames == 1 for record in records)
    return [NAMES[record.codecs[0]] for record in records]


@pytest.mark.heavy
@pytest.mark.parametrize("bits", [8, 10])
def test_frames_decode_to_what_the_encoder_saw(codec, bits):
    frames = pictures(6).astype(np.uint16 if bits == 10 else np.uint8) << (bits - 8)
    shown, file = {}, io.BytesIO()
    size = frames.shape[2], frames.shape[1]
    format = VideoFormat(*size, Fraction(25), "709", True, bits, "444")
    codec.encode_stream(frames, format, file, 50, gop=4, on_frame=shown.__setitem__)
    assert names(file.getvalue()) == ["image", "ssf", "ssf", "ssf", "image", "ssf"]
    decoded = codec.decode(file.getvalue())
    np.testing.assert_array_equal(decoded, [shown[time] for time in range(6)])


@pytest.mark.heavy
def test_what_a_model_of_p_frames_cannot_do_is_refused(codec):
    with pytest.raises(InputError, match="gop auto: this model has ssf P-frames alone"):
        codec.encode(pictures(2), gop="auto")
    with pytest.raises(InputError, match="codec kernel: this model has image, predicted, ssf"):
        codec.encode(pictures(3), b_frames="kernel")
    with pytest.raises(InputError, match="b_frames ssf: must be kernel or predicted"):
        codec.encode(pictures(3), b_frames="ssf")


def test_it_survives_a_checkpoint(codec, tmp_path):
    save_inference(tmp_path / "ssf", codec.inference)
    again = Codec(load_inference(tmp_path / "ssf"))
    data = codec.encode(pictures(3), 30)
    assert again.encode(pictures(3), 30) == data


@pytest.mark.heavy
def test_it_starts_by_predicting_about_its_reference():
    model = built(dataclasses.replace(SSF, fixed_lambda=0.01))
    rate = Rate(jnp.zeros(1), jnp.zeros(1, jnp.int32))
    still = jnp.broadcast_to(jnp.linspace(0.2, 0.8, 48)[:, None], (1, 32, 48, 3))

    @nnx.jit
    def predicted(model):
        codec = model.codec("ssf", Size(32, 48))
        return estimate(codec, still, [Decoded(still, None)], rate).decoded.frame

    found = predicted(model)
    np.testing.assert_allclose(found, still, atol=0.03)


@pytest.mark.slow
def test_estimate_and_file_agree():
    model, clip = built(SSF), pictures(4)[:, :32, :48]
    coded = nnx.jit(code_group)(model, jnp.asarray(clip, jnp.float32) / 255, jnp.full(4, 50.0))
    format = VideoFormat(48, 32, Fraction(25), "709", True, 8, "444")
    options = {"gop": 4, "rounding": "nearest"}
    codec = Codec(inference(model, 3))
    summary = codec.encode_stream(clip, format, io.BytesIO(), 50, **options)
    for row in summary.statistics:
        estimated = float(coded.bits_y[row.index] + coded.bits_z[row.index])
        assert estimated == pytest.approx(sum(row.bits.values()), rel=0.05)


@pytest.mark.slow
def test_it_learns():
    model = dataclasses.replace(SSF, fixed_lambda=0.01)
    stage = build_stage(config(model=model), built(model))
    assert {name.split(".")[0] for name in stage.trainable} == {"image", "ssf_motion", "ssf"}
    world = np.kron(np.random.default_rng(2).random((8, 12, 3)), np.ones((8, 8, 1)))
    group = np.stack([world[16:48, 2 * t : 2 * t + 48] for t in range(3)])
    group, optimiser = jnp.asarray(group, jnp.float32), optax.adam(3e-3)

    @jax.jit
    def step(own, state):
        def loss(own):
            return stage.loss(own | stage.frozen, group, jax.random.key(0), 1.0)[0]

        value, gradient = jax.value_and_grad(loss)(own)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(own, updates), state, value

    own, state, losses = stage.trainable, optimiser.init(stage.trainable), []
    for _ in range(40):
        own, state, value = step(own, state)
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.heavy
def test_a_validation_shows_its_first_p_frame():
    stage = build_stage(config(model=SSF), built(SSF))
    group = jnp.asarray(pictures(4)[:, :32, :48], jnp.float32) / 255
    _, found = jax.jit(stage.evaluate)(stage.trainable | stage.frozen, group, 50.0)
    captions = ["motion to the previous", "scale", "previous, warped", "residual"]
    assert list(found.pictures) == captions
    np.testing.assert_array_equal(found.compared["source"].samples, group[1])
