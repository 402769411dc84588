"""Latents predicted in time, in real streams."""

import dataclasses
import io
from fractions import Fraction
from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_inference

import kbvc_jax
from kbvc_jax.api import WEIGHTS, Codec
from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import FrameRates, Picture
from kbvc_jax.coding.container import StreamReader, StreamWriter
from kbvc_jax.encoder import group as groups
from kbvc_jax.encoder import scene
from kbvc_jax.encoder.cost import Cost
from kbvc_jax.encoder.gop_choice import FALL, Group
from kbvc_jax.encoder.group import CodedDepth, Settings, code_b_frames
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.refinement import code_frames
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.walk import Walked, estimate
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.rate import quality_of
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(1))


def still(count, size=(34, 50)):
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    return np.stack([picture] * count)


def records(data: bytes):
    return list(StreamReader(io.BytesIO(data)))


@pytest.mark.heavy
@pytest.mark.skipif(not (WEIGHTS / "model.json").exists(), reason="no weights")
def test_what_stands_still_costs_next_to_nothing():
    release, frames = kbvc_jax.load(), still(5, (64, 96))
    alone, known = (release.encode(frames, 60, gop=1, keyint=n) for n in (1, 32))
    first = len(release.encode(frames[:1], 60))
    assert len(alone) > 4.5 * first and len(known) < 1.3 * first
    decoded = release.decode(known).astype(int)
    assert np.abs(decoded - decoded[0]).mean() < 0.5


@pytest.mark.heavy
@pytest.mark.parametrize("keyint", [None, 4, 7, 8, 100])
def test_i_frames_are_no_further_apart_than_asked(codec, keyint):
    found = records(codec.encode(still(21), 40, gop=4, keyint=keyint))
    alone = [r.first_frame + r.frames - 1 for r in found if r.alone]
    assert alone == list(range(0, 21, (keyint or 32) // 4 * 4))


@pytest.mark.heavy
def test_a_seek_starts_at_the_last_i_frame(codec, monkeypatch):
    frames = np.concatenate([still(9), 255 - still(8)])
    data = codec.encode(frames, 50, gop=2, keyint=6)
    whole, read, record = codec.decode(data), [], StreamReader.record
    monkeypatch.setattr(StreamReader, "record", lambda s, n: read.append(n) or record(s, n))
    np.testing.assert_array_equal(codec.decode(data, start=11, frames=2), whole[11:13])
    assert read == [5, 4, 3, 6]  # of frames 9 and 10; 7 and 8; 5 and 6, an I-frame; 11 and 12


@pytest.mark.parametrize("gop", [4, "auto"])
@pytest.mark.parametrize("b_frames", ["kernel", "predicted"])
def test_b_frames_are_coded_by_the_codec_asked_for(codec, monkeypatch, gop, b_frames):
    def whole(start, end, trial, *rest):  # random weights would rather have none
        return [trial(Group(start, end, FALL), None)]

    monkeypatch.setattr(scene, "choose_groups", whole)
    frames = np.random.default_rng(0).integers(0, 256, (9, 34, 50, 3)).astype(np.uint8)
    found = records(codec.encode(frames, 40, gop=gop, b_frames=b_frames))
    assert {NAMES[n] for record in found for n in record.codecs[1:]} == {b_frames}


@pytest.mark.heavy
@pytest.mark.parametrize("content", ["noise", "still"])
def test_of_several_codecs_the_first_depth_has_the_one_that_costs_it_least(codec, content):
    frames = np.random.default_rng(0).integers(0, 256, (3, 34, 50, 3)).astype(np.uint8)
    frames = still(3) if content == "still" else frames

    def cost(name):
        data = codec.encode(frames, 40, gop=2, b_frames=name)
        error = np.square(codec.decode(data).astype(float) - frames).sum()
        return 8 * len(data) + codec._network(8).error_weight(quality_of(40)) * error

    names = "kernel", "predicted"
    data = codec.encode(frames, 40, gop=2, b_frames=",".join(names))
    _, group = records(data)
    assert NAMES[group.codecs[1]] == min(names, key=cost)
    chosen = NAMES[group.codecs[1]]
    assert data == codec.encode(frames, 40, gop=2, b_frames=chosen)
    refined = codec.encode(frames, 40, gop=2, b_frames=",".join(names), effort=2)
    _, group = records(refined)  # of references that are refined: another may be cheaper
    chosen = NAMES[group.codecs[1]]
    assert refined == codec.encode(frames, 40, gop=2, b_frames=chosen, effort=2) != data


@pytest.mark.parametrize(
    ("bits", "found", "tried"),
    [
        # Of each depth by kernels and by predicted latents; what is tried of 1, 2 and 4 frames.
        ([(9, 8), (9, 8), (9, 8)], "ppp", ["kp", "kpp", "kpppp"]),
        ([(9, 8), (7, 8), (9, 8)], "pkk", ["kp", "kpk", "kkkk"]),
        ([(7, 8), (9, 8), (9, 8)], "kkk", ["kp", "kk", "kkkk"]),
    ],
)
def test_each_depth_is_tried_on_its_first_frame_and_may_refer_to_what_is_there(
    monkeypatch, bits, found, tried
):
    asked, picture = [], Picture(np.zeros((16, 16, 3), np.uint8), None)

    class Known(Cost):
        def __init__(self, bits):
            self.bits, self.errors = {"y": np.array([bits])}, np.array([0.0])

    def code(network, decoded, frames, batch, codec, settings):
        (frame,) = batch
        depth = [4, 2, 1].index(frame.distances[0])
        asked.append((depth, codec[0]))
        own = Known(bits[depth]["kp".index(codec[0])])
        return CodedDepth(codec, (frame.time,), (frame.level,), [], [picture], [own])

    monkeypatch.setattr(groups, "_code_batch", code)
    network = EncoderNetwork(tiny_inference(0), 8)
    settings = Settings(quality_of(50), ("kernel", "predicted"), ("predicted",), "rate")
    ends = network, picture, picture, [Source(picture.frame)] * 9, (0, 0, 0)
    depths = code_b_frames(*ends, settings)
    assert "".join(depth.codec[0] for depth in depths) == found
    assert ["".join(c for d, c in asked if d == depth) for depth in range(3)] == tried


def test_latents_predicted_from_a_frame_that_has_none_are_damage(codec):
    """Depth 1 by kernels, depth 2 by predicted latents: no encoder writes that."""
    stream = StreamReader(io.BytesIO(codec.encode(still(5), 40, gop=4, b_frames="kernel")))
    first, group = stream
    file = io.BytesIO()
    writer = StreamWriter(file, stream.header)
    writer.write(first)
    writer.write(dataclasses.replace(group, codecs=(0, 1, 2)))
    writer.close()
    with pytest.raises(InputError, match="a predicted frame refers to one of another codec"):
        codec.decode(file.getvalue())


def test_an_unknown_codec_is_named(codec):
    stream = StreamReader(io.BytesIO(codec.encode(still(2), 40, gop=1)))
    first, group = stream
    file = io.BytesIO()
    writer = StreamWriter(file, stream.header)
    writer.write(first)
    writer.write(dataclasses.replace(group, codecs=(9,)))
    writer.close()
    with pytest.raises(InputError, match="frame 1: codec number 9; this version has 0 image, 1"):
        codec.decode(file.getvalue())


@pytest.mark.heavy
@pytest.mark.skipif(not (WEIGHTS / "model.json").exists(), reason="no weights")
def test_what_moves_is_foreseen_by_the_interpolated_frame():
    model = kbvc_jax.load().inference.model
    with kbvc_jax.open_video(CLIP, frames=1) as video:
        picture = jnp.asarray(next(iter(video)), jnp.float32) / 255
    frames = jnp.stack([picture[:128, x : x + 192] for x in (0, 3, 6)])
    size, rate = Size(128, 192), Rate(jnp.full(1, 75.0), jnp.zeros(1, jnp.int32))
    image = model.codec("image", size)

    def code(frame):
        return estimate(image, frame, (), rate).decoded

    sides = [code(frame[None]) for frame in frames[::2]]
    found = model.codec("predicted", size).context(sides, rate).latents[0]
    own = image.analyse(frames[1:2], None, None, rate)["y"]
    still = model.image.scale_latent((sides[0].memory.latent + sides[1].memory.latent) / 2, rate)
    assert jnp.square(own - found).sum() < 0.8 * jnp.square(own - still).sum()


@pytest.mark.heavy
def test_predicted_frames_are_fused_with_their_references(codec):
    """By the same programs, whether of one side or two; the decoder shows the same."""
    parts = steps.before_fusion, steps.moved_to, steps.fuse
    jax.clear_caches()
    shown = {}
    options = {"gop": 4, "keyint": 32, "on_frame": shown.__setitem__}
    file, frames = io.BytesIO(), np.concatenate([still(2), 255 - still(3)])
    format = VideoFormat(50, 34, Fraction(25), "709", True, 8, "444")
    codec.encode_stream(frames, format, file, 60, **options)
    assert [part.jitted._cache_size() for part in parts] == [
        2,
        1,
        1,
    ]  # the first of P-frames, and of B
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(5)])
    jax.clear_caches()
    codec.encode(frames, 60, gop=4, keyint=4, b_frames="kernel")
    assert not any(part.jitted._cache_size() for part in parts)


@pytest.mark.heavy
def test_parts_compiled_apart_make_the_frames_of_the_whole(codec):
    network, size, frame = codec._network(8), Size(34, 50), jnp.asarray(still(1))
    rates = FrameRates(quality_of(60), (0,), ((0, 0),))
    image = code_frames(network, network.batch("image", size, rates, []), frame, 0, "rate")
    for sides, level in ((2, 2), (1, 0)):
        rates = FrameRates(quality_of(60), (level,), ((1, 1),))
        batch = network.batch("predicted", size, rates, [image.pictures] * sides)
        found = code_frames(network, batch, frame, 0, "rate")
        parts = network.program(batch), network.weights, found.coded.symbols
        whole, memory = steps.synthesise(*parts, Walked({}, network.context(batch)), batch.rate)
        apart = found.pictures[0]
        assert np.abs(np.asarray(apart.frame, int) - np.asarray(whole[0], int)).max() <= 1
        np.testing.assert_array_equal(apart.memory.z, memory.z)


def test_a_keyint_below_the_group_is_refused(codec):
    with pytest.raises(InputError, match="keyint 3: must be 4 or more"):
        codec.encode(still(2), gop=4, keyint=3)
