"""P-frames by moved latents: in real streams, and what they are predicted from."""

import io
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import SENDING, tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion.codec import MOTION
from kbvc_jax.models.codecs.moved import CERTAIN
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.walk import Write, walk_frame
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.parameters import split
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.group import code_group, depths_of, with_observed
from kbvc_jax.video.format import VideoFormat
from tests.models.streams import check_under_noise, pictures

SIZE, RATE = Size(32, 48), Rate(jnp.array([40.0]), jnp.zeros(1, jnp.int32))


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(3, SENDING))


def closing(data: bytes) -> list[str]:
    return [NAMES[record.codecs[0]] for record in StreamReader(io.BytesIO(data))]


@pytest.mark.parametrize(("bits", "effort"), [(8, 2), (10, 0)])
def test_frames_decode_to_what_the_encoder_saw(codec, bits, effort):
    frames = pictures(6).astype(np.uint16 if bits == 10 else np.uint8) << (bits - 8)
    shown, file = {}, io.BytesIO()
    size = frames.shape[2], frames.shape[1]
    format = VideoFormat(*size, Fraction(25), "709", True, bits, "444")
    codec.encode_stream(
        frames,
        format,
        file,
        50,
        gop=2,
        keyint=8,
        effort=effort,
        p_frames="moved",
        on_frame=shown.__setitem__,
    )
    assert closing(file.getvalue()) == ["image", "moved", "moved", "moved"]
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(6)])


def test_its_symbols_hang_on_no_float_of_the_decoder(codec, monkeypatch):
    check_under_noise(codec, "predicted", monkeypatch, keyint=16, p_frames="moved")


@pytest.fixture(scope="module")
def coded(codec):
    """A frame's symbols, tables and last context."""
    own = codec.inference.model.codec("moved", SIZE, codec._network(8).weights.integers)
    rng = np.random.default_rng(1)
    frame, before = jnp.asarray(rng.random((2, 1, *SIZE, 3)), jnp.float32)
    config = SENDING.image
    memory = Memory(
        jnp.asarray(rng.normal(size=(1, 2, 3, config.latent_channels)), jnp.float32),
        jnp.ones((1, 1, 1, config.hyper_channels[-1]), jnp.int32),
    )
    filmed = [np.rint(255 * np.asarray(x)).astype(np.uint8) for x in (frame, before)]
    observed = own.observe(filmed[0], [filmed[1]])

    @jax.jit
    def code(frame, before, memory):
        context = own.context([Decoded(before, memory)], RATE)
        write = Write({}, [memory], codec._network(8)._prices, "nearest")
        walked = walk_frame(own, write, frame, jnp.asarray(observed), context, RATE)
        return write.symbols, write.tables, walked.context

    return own, observed, before, memory, code(frame, before, memory)


def test_one_direction_is_sent_and_the_other_has_its_mirror_image(coded):
    own, observed, _, _, (symbols, tables, _) = coded
    np.testing.assert_array_equal(observed[:, 1], -observed[:, 0])
    sent, mirrored = np.split(np.asarray(symbols[MOTION]), 2, -1)
    assert sent.any() and not mirrored.any()
    assert (np.split(np.asarray(tables[MOTION]), 2, -1)[1] == CERTAIN).all()


def test_it_is_predicted_from_the_frame_before_moved_and_unmoved(coded):
    own, _, _, memory, (_, _, context) = coded
    moved, still = context.predictors.latents
    shown = context.predictors.frames[0]
    np.testing.assert_allclose(still, own.network.scale_latent(memory.latent, RATE), atol=1e-5)
    np.testing.assert_allclose(moved, own.network.analyse(shown, RATE), atol=1e-3)
    assert np.abs(shown - context.sent.sides[0]).max() > 0.01


def test_under_noise_the_direction_that_is_not_sent_costs_nothing(coded):
    own, _, _, _, (symbols, _, context) = coded
    known = {name: value.astype(jnp.float32) for name, value in symbols.items()}
    latent = next(latent for latent in own.latents if latent.name == MOTION)
    density = own.density(latent, known, context, RATE)
    sent, mirrored = jnp.split(density.bits(jnp.full((1, *latent.shape), 0.7)), 2, -1)
    assert sent.any() and not mirrored.any()


def test_of_several_codecs_a_p_frame_has_the_one_that_costs_least(codec):
    frames = pictures(3)

    def of(names):
        return codec.encode(frames, 40, gop=2, p_frames=names)

    alone = {name: of(name) for name in ("predicted", "moved")}
    (found,) = closing(of("moved,predicted"))[1:]
    assert of("moved,predicted") == alone[found]


def test_what_no_p_frame_may_have_is_named(codec):
    with pytest.raises(InputError, match="p_frames image: must be kernel or predicted or motion"):
        codec.encode(pictures(2), p_frames="image")


def test_training_walks_it_as_files_have_it(codec):
    """A group of P-frames by its own walk: bits and errors, and gradients to the motion."""
    frames, observed = with_observed(depths_of(3, "moved"), pictures(3)[None, :, :32, :48])
    assert observed.shape == (1, 2, 2, 4, 6, 2)
    skeleton, values = split(codec.inference.model)
    clip = jnp.asarray(frames[0], jnp.float32) / 255

    @jax.jit
    def slope(values):
        def cost(values):
            how = {"b_frames": "moved", "observed": jnp.asarray(observed[0])}
            quality = jnp.full(3, 40.0)
            coded = code_group(skeleton.model(values), clip, quality, jax.random.key(0), **how)
            return (
                coded.bits_z.sum()
                + coded.bits_y.sum()
                + 1e3 * jnp.square(coded.frames - clip).sum()
            )

        return jax.grad(cost)(values)

    sizes = {name: float(jnp.abs(value).max()) for name, value in slope(values).items()}
    assert all(np.isfinite(size) for size in sizes.values())
    assert sizes["motion.branches.0.inverse.kernel"] > 0
    assert sizes["fusion.last.kernel"] > 0
