"""B-frames by motion compensation: in real streams, and what they are made of."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import SENDING, tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.motion.blocks import MOTION, SHOWN
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
from tests.models.streams import check_stream, check_under_noise, pictures

SIZE, RATE = Size(32, 48), Rate(jnp.array([40.0]), jnp.zeros(1, jnp.int32))


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(3, SENDING))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("bits", "options"),
    [(8, {"gop": 4, "effort": 2}), (8, {"gop": 8, "p_frames": "moved"}), (10, {"gop": 3})],
)
def test_streams_decode_to_what_the_encoder_saw(codec, bits, options):
    check_stream(codec, "compensated", bits, options)


@pytest.mark.heavy
def test_noise_on_all_that_is_float_changes_no_symbol(codec, monkeypatch):
    check_under_noise(codec, "compensated", monkeypatch, keyint=16, p_frames="moved")


@pytest.fixture(scope="module")
def coded(codec):
    """A frame's motion, the frame, its references, its symbols and what those tell."""
    network = codec._network(8)
    own = codec.inference.model.codec("compensated", SIZE, network.weights.integers)
    first, frame, last = pictures(3)[:, : SIZE.height, : SIZE.width]
    found = own.observe(straight(frame, [first, last]), [first[None], last[None]])
    observed = jnp.asarray(found)
    sides = [jnp.asarray(side, jnp.float32)[None] / 255 for side in (first, last)]
    source = jnp.asarray(frame, jnp.float32)[None] / 255

    @jax.jit
    def code(source, observed, sides):
        context = own.context([Decoded(side, None) for side in sides], RATE)
        write = Write({}, (), network._prices, "nearest")
        walked = walk_frame(own, write, source, observed, context, RATE)
        return write.symbols, walked.context

    return own, observed, source, sides, code(source, observed, sides)


def test_motion_is_sent_as_it_was_found(coded):
    _, observed, *_, (symbols, _) = coded
    assert observed.shape == (1, 4, 6, 4) and observed.any()
    np.testing.assert_array_equal(symbols[MOTION], observed)


def test_the_second_motion_is_told_by_what_it_differs_from_the_first_mirrored(coded):
    _, observed, _, sides, (_, context) = coded
    first, differs = jnp.split(observed / STEPS_A_PIXEL, 2, -1)
    flows = first, differs - first
    moved = [compensate(side, flow) for side, flow in zip(sides, flows, strict=True)]
    np.testing.assert_allclose(context.sides, jnp.stack(moved), atol=1e-5)


def test_each_block_shows_the_mean_of_both_or_one(coded):
    *_, (symbols, context) = coded
    share = np.array((0.5, 1, 0))[np.asarray(symbols[SHOWN])].repeat(16, 1).repeat(16, 2)[..., None]
    shown = share * context.sides[0] + (1 - share) * context.sides[1]
    np.testing.assert_allclose(context.blend, shown, atol=1e-6)


def test_each_block_shows_what_is_nearer_where_that_is_worth_telling(coded):
    own, observed, source, *_ = coded
    sides = jnp.asarray(np.random.default_rng(2).random((2, 1, *SIZE, 3)), jnp.float32)
    context = own.context([Decoded(side, None) for side in sides], RATE)
    moved = own.learn(own.latents[0], {MOTION: observed}, context, RATE).sides
    for side in range(2):
        near = moved[side].at[:, :, 32:].set(source[:, :, 32:])
        found = own.analyse_first(near, observed, context, RATE)[SHOWN]
        assert (found[:, :, :2] == 1 + side).all()


def test_what_y_tells_is_added_to_what_is_shown(coded):
    own, *_, (symbols, context) = coded
    y = symbols["y"].astype(jnp.float32)
    lighter, shown = (own.network.shown(y, context.blend + by, RATE) for by in (0.25, 0))
    np.testing.assert_allclose(lighter - shown, 0.25, atol=1e-4)
    assert jnp.abs(shown - context.blend).max() > 0


def test_it_is_for_b_frames_alone(codec):
    network, size = codec._network(8), Size(32, 48)
    picture = Picture(jnp.zeros((*size, 3), jnp.uint8), None)
    rates = FrameRates(quality_of(40.0), (INTRA,), closing_distances(1))
    with pytest.raises(InputError, match="damaged stream: codec compensated is for B-frames alone"):
        network.batch("compensated", size, rates, [[picture]])
    with pytest.raises(InputError, match="p_frames compensated: must be kernel or predicted"):
        codec.encode(pictures(2), p_frames="compensated")


@pytest.mark.heavy
def test_training_walks_it_as_files_have_it(codec):
    """A group by its own walk: bits and errors, and gradients to what shows it."""
    depths = depths_of(3, "compensated", "moved")
    frames, observed = with_observed(depths, pictures(3)[None, :, :32, :48])
    assert [part.shape for part in observed] == [(1, 1, 4, 6, 2), (1, 1, 4, 6, 4)]
    skeleton, values = split(codec.inference.model)
    clip = jnp.asarray(frames[0], jnp.float32) / 255
    how = {"b_frames": "compensated", "p_frames": "moved"}

    @jax.jit
    def slope(values, clip, observed):
        def cost(values):
            quality, key = jnp.full(3, 40.0), jax.random.key(0)
            model = skeleton.model(values)
            coded = code_group(model, clip, quality, key, **how, observed=observed)
            errors = 1e3 * jnp.square(coded.frames - clip).sum()
            return coded.bits_z.sum() + coded.bits_y.sum() + errors

        return jax.grad(cost)(values)

    found = slope(values, clip, [jnp.asarray(part[0]) for part in observed])
    sizes = {name: float(jnp.abs(value).max()) for name, value in found.items()}
    assert all(np.isfinite(size) for size in sizes.values())
    for name in ("image.block_encoder", "residual.block_decoder", "residual.fusion.last"):
        assert sizes[f"{name}.kernel"] > 0


@pytest.mark.heavy
def test_depths_before_it_may_be_of_predicted_latents(codec):
    data = codec.encode(pictures(9), 50, gop=8, b_frames="compensated,predicted")
    _, record = StreamReader(io.BytesIO(data))
    closing, *depths = [NAMES[number] for number in record.codecs]
    assert closing == "predicted"
    assert depths == sorted(depths, reverse=True) and set(depths) <= {"compensated", "predicted"}
    assert codec.decode(data).shape == (9, *pictures(1).shape[1:])
