"""P- and B-frames by moved latents: in real streams, and what they are predicted from."""

import io
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import SENDING, tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.encoder import group
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion.estimation import straight
from kbvc_jax.models.codecs.motion.search import STEPS_A_PIXEL
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.walk import Write, walk_frame
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.parameters import split
from kbvc_jax.ops.overlap import compensate
from kbvc_jax.rate import quality_of
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
@pytest.mark.parametrize("b_frames", ["predicted", "both_moved"])
def test_its_symbols_hang_on_no_float_of_the_decoder(codec, b_frames, monkeypatch):
    check_under_noise(codec, b_frames, monkeypatch, keyint=16, p_frames="moved")


@pytest.fixture(scope="module")
def coded(codec):
    """Of each codec: a frame's motion, references and last context."""
    return {name: _coded(codec, name) for name in ("moved", "both_moved")}


def _coded(codec, name):
    own = codec.inference.model.codec(name, SIZE, codec._network(8).weights.integers)
    frames = pictures(3)[:, : SIZE.height, : SIZE.width]
    known = [frames[0], frames[2]][: own.references]
    config, rng = SENDING.image, np.random.default_rng(1)
    memories = [
        Memory(
            jnp.asarray(rng.normal(size=(1, 2, 3, config.latent_channels)), jnp.float32),
            jnp.ones((1, 1, 1, config.hyper_channels[-1]), jnp.int32),
        )
        for _ in known
    ]
    observed = jnp.asarray(
        own.observe(straight(frames[1], known), [frame[None] for frame in known])
    )
    frame, *sides = (jnp.asarray(x, jnp.float32)[None] / 255 for x in (frames[1], *known))

    @jax.jit
    def code(frame, sides, memories):
        references = [Decoded(*parts) for parts in zip(sides, memories, strict=True)]
        context = own.context(references, RATE)
        write = Write({}, memories, codec._network(8)._prices, "nearest")
        walked = walk_frame(own, write, frame, observed, context, RATE)
        return write.symbols, walked.context

    return own, observed, frame, sides, memories, code(frame, sides, memories)


def test_motion_is_sent_as_it_was_found(coded):
    for own, observed, *_, (symbols, _) in coded.values():
        assert observed.shape == (1, 4, 6, 2 * own.references) and observed.any()
        np.testing.assert_array_equal(symbols["motion"], observed)


def test_a_p_frame_is_predicted_from_the_frame_before_moved_and_unmoved(coded):
    own, observed, _, sides, memories, (_, context) = coded["moved"]
    moved, still = context.predictors.latents
    shown = context.predictors.frames[0]
    np.testing.assert_allclose(shown, compensate(sides[0], observed / STEPS_A_PIXEL), atol=1e-5)
    np.testing.assert_allclose(still, own.network.scale_latent(memories[0].latent, RATE), atol=1e-5)
    np.testing.assert_allclose(moved, own.network.analyse(shown, RATE), atol=1e-3)


def test_a_b_frame_is_predicted_from_both_moved_the_second_by_the_mirrored_motion(coded):
    own, observed, _, sides, _, (symbols, context) = coded["both_moved"]
    first, differs = jnp.split(observed / STEPS_A_PIXEL, 2, -1)
    flows = first, differs - first
    moved = [compensate(side, flow) for side, flow in zip(sides, flows, strict=True)]
    np.testing.assert_allclose(context.predictors.frames, jnp.stack(moved), atol=1e-5)
    share = np.array((0.5, 1, 0))[np.asarray(symbols["shown"])].repeat(16, 1).repeat(16, 2)
    shown = share[..., None] * moved[0] + (1 - share[..., None]) * moved[1]
    (foreseen,) = context.predictors.latents
    np.testing.assert_allclose(foreseen, own.network.analyse(shown, RATE), atol=1e-3)


def test_each_block_shows_what_is_nearer_where_that_is_worth_telling(coded):
    own, observed, frame, sides, memories, _ = coded["both_moved"]
    sides = list(jnp.asarray(np.random.default_rng(2).random((2, 1, *SIZE, 3)), jnp.float32))
    references = [Decoded(*parts) for parts in zip(sides, memories, strict=True)]
    context = own.context(references, RATE)
    moved = own.moved({"motion": observed}, context)
    for side in range(2):
        source = moved[side].at[:, :, 32:].set(frame[:, :, 32:])
        found = own.analyse_first(source, observed, context, RATE)["shown"]
        assert (found[:, :, :2] == 1 + side).all()


def test_a_reference_too_few_or_too_many_is_named(codec):
    network = codec._network(8)
    frame = jnp.zeros((32, 48, 3), jnp.uint8)
    memory = codec.inference.model.codec("image", SIZE).latents
    shapes = {latent.name: jnp.zeros((1, *latent.shape)) for latent in memory}
    picture = Picture(frame, Memory(shapes["y"], shapes["z"].astype(jnp.int32)))
    rates = FrameRates(quality_of(40.0), (INTRA,), closing_distances(1))
    with pytest.raises(InputError, match="damaged stream: codec both_moved is for B-frames alone"):
        network.batch("both_moved", SIZE, rates, [[picture]])
    with pytest.raises(InputError, match="damaged stream: codec moved is for P-frames alone"):
        network.batch("moved", SIZE, rates, [[picture], [picture]])


@pytest.mark.heavy
def test_b_frames_decode_to_what_the_encoder_saw(codec):
    frames, shown, file = pictures(6), {}, io.BytesIO()
    format = VideoFormat(frames.shape[2], frames.shape[1], Fraction(25), "709", True, 8, "444")
    how = {"gop": 5, "keyint": 5, "effort": 2, "b_frames": "both_moved"}
    codec.encode_stream(frames, format, file, 50, on_frame=shown.__setitem__, **how)
    (record,) = list(StreamReader(io.BytesIO(file.getvalue())))[1:]
    assert {NAMES[number] for number in record.codecs[1:]} == {"both_moved"}
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(6)])


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


@pytest.mark.heavy
@pytest.mark.parametrize(("b_frames", "p_frames"), [("moved", None), ("both_moved", "moved")])
def test_training_walks_it_as_files_have_it(codec, b_frames, p_frames):
    """A group by its own walk: bits and errors, and gradients to what shows it."""
    depths = depths_of(3, b_frames, p_frames)
    frames, observed = with_observed(depths, pictures(3)[None, :, :32, :48])
    sides = 2 if b_frames == "both_moved" else 1
    assert {part.shape for part in observed} == {(1, 1, 4, 6, 2), (1, 1, 4, 6, 2 * sides)}
    skeleton, values = split(codec.inference.model)
    clip = jnp.asarray(frames[0], jnp.float32) / 255
    seen = [jnp.asarray(part[0]) for part in observed]
    how = {"b_frames": b_frames, "p_frames": p_frames, "observed": seen}

    @jax.jit
    def slope(values):
        def cost(values):
            quality = jnp.full(3, 40.0)
            coded = code_group(skeleton.model(values), clip, quality, jax.random.key(0), **how)
            errors = 1e3 * jnp.square(coded.frames - clip).sum()
            return coded.bits_z.sum() + coded.bits_y.sum() + errors

        return jax.grad(cost)(values)

    sizes = {name: float(jnp.abs(value).max()) for name, value in slope(values).items()}
    assert all(np.isfinite(size) for size in sizes.values())
    assert sizes["image.block_encoder.kernel"] > 0
    assert sizes["fusion.last.kernel"] > 0


@pytest.mark.heavy
def test_depths_of_both_kinds_refer_to_each_other(codec, monkeypatch):
    depths, shown, file = itertools.cycle(["both_moved", "predicted"]), {}, io.BytesIO()

    def in_turns(network, codecs, code, settings):
        return code(codecs[0] if len(codecs) == 1 else next(depths), settings)

    monkeypatch.setattr(group, "_cheapest", in_turns)
    frames = pictures(9)
    format = VideoFormat(frames.shape[2], frames.shape[1], Fraction(25), "709", True, 8, "444")
    asked = {"gop": 8, "b_frames": "both_moved,predicted", "on_frame": shown.__setitem__}
    codec.encode_stream(frames, format, file, 50, **asked)
    _, record = StreamReader(io.BytesIO(file.getvalue()))
    assert [NAMES[n] for n in record.codecs[1:]] == ["both_moved", "predicted", "both_moved"]
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(9)])
