"""P-frames by moved latents: in real streams, and what they are predicted from."""

import io
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import SENDING, tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion.estimation import straight
from kbvc_jax.models.codecs.motion.search import STEPS_A_PIXEL
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.walk import Write, walk_frame
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.ops.overlap import compensate
from kbvc_jax.rate import quality_of
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat
from tests.models.streams import check_under_noise, pictures

SIZE, RATE = Size(32, 48), Rate(jnp.array([40.0]), jnp.zeros(1, jnp.int32))


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(3, SENDING))


def closing(data: bytes) -> list[str]:
    return [NAMES[record.codecs[0]] for record in StreamReader(io.BytesIO(data))]


@pytest.mark.heavy
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


@pytest.mark.heavy
def test_its_symbols_hang_on_no_float_of_the_decoder(codec, monkeypatch):
    check_under_noise(codec, "predicted", monkeypatch, keyint=16, p_frames="moved")


@pytest.fixture(scope="module")
def coded(codec):
    """A frame's motion, its reference with what is remembered of it, its symbols, its context."""
    own = codec.inference.model.codec("moved", SIZE, codec._network(8).weights.integers)
    before, frame = pictures(2)[:, : SIZE.height, : SIZE.width]
    config, rng = SENDING.image, np.random.default_rng(1)
    memory = Memory(
        jnp.asarray(rng.normal(size=(1, 2, 3, config.latent_channels)), jnp.float32),
        jnp.ones((1, 1, 1, config.hyper_channels[-1]), jnp.int32),
    )
    observed = jnp.asarray(own.observe(straight(frame, [before]), [before[None]]))
    source, reference = (jnp.asarray(x, jnp.float32)[None] / 255 for x in (frame, before))

    @jax.jit
    def code(source, observed, reference, memory):
        context = own.context([Decoded(reference, memory)], RATE)
        write = Write({}, [memory], codec._network(8)._prices, "nearest")
        walked = walk_frame(own, write, source, observed, context, RATE)
        return write.symbols, walked.context

    seen = Decoded(reference, memory)
    return own, observed, seen, *code(source, observed, *seen)


def test_motion_is_sent_as_it_was_found(coded):
    _, observed, _, symbols, _ = coded
    assert observed.shape == (1, 4, 6, 2) and observed.any()
    np.testing.assert_array_equal(symbols["motion"], observed)


def test_it_is_predicted_from_the_frame_before_moved_and_unmoved(coded):
    own, observed, reference, _, context = coded
    moved, still = context.predictors.latents
    (shown,) = context.predictors.frames
    expected = compensate(reference.frame, observed / STEPS_A_PIXEL)
    np.testing.assert_allclose(shown, expected, atol=1e-5)
    known = own.network.scale_latent(reference.memory.latent, RATE)
    np.testing.assert_allclose(still, known, atol=1e-5)
    np.testing.assert_allclose(moved, own.network.analyse(shown, RATE), atol=1e-3)


def test_a_reference_too_many_is_named(codec):
    network = codec._network(8)
    frame = jnp.zeros((32, 48, 3), jnp.uint8)
    memory = codec.inference.model.codec("image", SIZE).latents
    shapes = {latent.name: jnp.zeros((1, *latent.shape)) for latent in memory}
    picture = Picture(frame, Memory(shapes["y"], shapes["z"].astype(jnp.int32)))
    rates = FrameRates(quality_of(40.0), (INTRA,), closing_distances(1))
    with pytest.raises(InputError, match="damaged stream: codec moved is for P-frames alone"):
        network.batch("moved", SIZE, rates, [[picture], [picture]])


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
