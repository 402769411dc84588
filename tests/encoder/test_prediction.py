"""Latents predicted in time: the modes by themselves, then in real streams."""

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
from kbvc_jax.codec import payload
from kbvc_jax.codec.batch import Size
from kbvc_jax.codec.pictures import frame_rates
from kbvc_jax.codec.prediction import (
    CAPS,
    MODE_COUNTS,
    PREDICTORS,
    predict,
)
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.encoder.modes import choose_kept, choose_modes
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.rounding import Prices
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
SHAPE = (2, 3, 4, 5)


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(1))


@pytest.fixture(scope="module")
def tables(codec):
    return codec.inference.y_tables


def parts(seed: int = 0):
    """mean, indexes, predictors."""
    rng = np.random.default_rng(seed)
    mean, indexes = rng.normal(0, 3, SHAPE), rng.integers(0, 40, SHAPE).astype(np.uint8)
    return mean, indexes, rng.normal(0, 3, (PREDICTORS, *SHAPE))


def test_a_mode_names_a_predictor_and_a_cap():
    mean, indexes, predictors = parts()
    modes = np.random.default_rng(1).permutation(24).reshape(SHAPE[:3]) % len(MODE_COUNTS)
    found, tables = predict(*map(jnp.asarray, (mean, indexes, predictors, modes)))
    for at in np.ndindex(modes.shape):
        if modes[at] == 0:
            expected = mean[at], indexes[at]
        else:
            predictor, cap = divmod(modes[at] - 1, len(CAPS))
            expected = predictors[predictor, *at], np.minimum(indexes[at], CAPS[cap])
        np.testing.assert_allclose(found[at], expected[0], rtol=1e-6)
        np.testing.assert_array_equal(tables[at], expected[1])


@pytest.mark.parametrize("alike", [None, *range(PREDICTORS)])
def test_the_predictor_that_is_alike_is_chosen(tables, alike):
    mean, indexes, predictors = parts()
    mean, predictors = 20 + mean, predictors - 20
    indexes = np.full_like(indexes, 30)
    y = mean if alike is None else predictors[alike]
    modes = choose_modes(*map(jnp.asarray, (y, mean, indexes, predictors)), Prices.of(tables))
    expected = 0 if alike is None else 1 + len(CAPS) * alike  # the lowest cap: all is known
    assert (np.asarray(modes) == expected).all()


def test_a_p_frame_in_a_mode_of_b_frames_is_damage(codec, monkeypatch):
    write = payload.encode_modes
    monkeypatch.setattr(
        payload, "encode_modes", lambda e, m, n: write(e, m + 3 * (n == MODE_COUNTS), n)
    )
    data = codec.encode(still(2), 50, gop=1, keyint=2)
    with pytest.raises(InputError, match="a P-frame in a mode of B-frames"):
        codec.decode(data)


def test_z_is_kept_where_all_its_latents_are_predicted():
    modes = np.ones((1, 6, 9), int)
    modes[0, 4, 3] = 0
    kept = np.asarray(choose_kept(jnp.asarray(modes), 4))
    np.testing.assert_array_equal(kept, [[[1, 1, 1], [0, 1, 1]]])


def still(count, size=(34, 50)):
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    return np.stack([picture] * count)


def records(data: bytes):
    return list(StreamReader(io.BytesIO(data)))


@pytest.mark.skipif(not (WEIGHTS / "model.json").exists(), reason="no weights")
def test_what_stands_still_costs_next_to_nothing():
    release, frames = kbvc_jax.load(), still(5, (64, 96))
    alone, known = (release.encode(frames, 60, gop=1, keyint=n) for n in (1, 32))
    first = len(release.encode(frames[:1], 60))
    assert len(alone) > 4.5 * first and len(known) < 1.3 * first
    decoded = release.decode(known).astype(int)
    assert np.abs(decoded - decoded[0]).mean() < 0.5


@pytest.mark.parametrize("keyint", [None, 4, 7, 8, 100])
def test_i_frames_are_no_further_apart_than_asked(codec, keyint):
    found = records(codec.encode(still(21), 40, gop=4, keyint=keyint))
    alone = [r.first_frame + r.frames - 1 for r in found if r.alone]
    assert alone == list(range(0, 21, (keyint or 4) // 4 * 4))


def test_a_seek_starts_at_the_last_i_frame(codec, monkeypatch):
    frames = np.concatenate([still(9), 255 - still(8)])
    data = codec.encode(frames, 50, gop=2, keyint=6)
    whole, read, record = codec.decode(data), [], StreamReader.record
    monkeypatch.setattr(StreamReader, "record", lambda s, n: read.append(n) or record(s, n))
    np.testing.assert_array_equal(codec.decode(data, start=11, frames=2), whole[11:13])
    assert read == [5, 4, 3, 6]  # of frames 9 and 10; 7 and 8; 5 and 6, an I-frame; 11 and 12


@pytest.mark.parametrize("gop", [4, "auto"])
@pytest.mark.parametrize("b_frames", ["kernel", "predicted"])
def test_b_frames_are_coded_by_the_codec_asked_for(codec, gop, b_frames):
    frames = np.random.default_rng(0).integers(0, 256, (9, 34, 50, 3)).astype(np.uint8)
    found = records(codec.encode(frames, 40, gop=gop, b_frames=b_frames))
    by_latents = [flag for record in found for flag in record.predicted[1:]]
    assert by_latents and set(by_latents) == {b_frames == "predicted"}


def around(network, frames):
    """Frames 0 and 2 coded as I-frames: references of frame 1, pictures, what is known of them."""
    rates, pictures, known = frame_rates(75 * 256, (), 0, (0,)), [], []
    for frame in (frames[:1], frames[2:3]):
        size = Size(*frame.shape[1:3])
        symbols, prior = network.quantise(network.analyse(frame, None, rates), rates, size, "rate")
        pictures.append(network.synthesise(symbols.y, prior, None, rates, size))
        known.append(network.known(*symbols[:2], prior, rates))
    return network.references(*pictures), tuple(pictures), tuple(known), rates


def test_what_stands_still_is_foreseen_as_the_mean_of_what_is_known(codec):
    network = EncoderNetwork(codec.inference, 8)
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3)).astype(np.uint8)
    references, pictures, known, rates = around(network, jnp.asarray(frames))
    still = references.at[:, 2].set(references[:, :2].mean(1))
    found = network.predictors_between(still, pictures, known, rates)
    before, after = (k.latents for k in known)
    expected = [(before + after) / 2, before, after]
    np.testing.assert_allclose(found.latents, expected, atol=1e-4)
    np.testing.assert_array_equal(found.z, known[0].z)


@pytest.mark.skipif(not (WEIGHTS / "model.json").exists(), reason="no weights")
def test_what_moves_is_foreseen_by_the_interpolated_frame():
    network = EncoderNetwork(kbvc_jax.load().inference, 8)
    with kbvc_jax.open_video(CLIP, frames=1) as video:
        picture = next(iter(video))
    frames = jnp.stack([jnp.asarray(picture[:128, x : x + 192]) for x in (0, 3, 6)])
    references, pictures, known, rates = around(network, frames)
    found = network.predictors_between(references, pictures, known, rates).latents[0]
    scaled = network.analyse(frames[1:2], None, rates).y
    own = network.inference.model.image.known_latent(scaled, rates.on_device)
    still = (known[0].latents + known[1].latents) / 2
    assert jnp.square(own - found).sum() < 0.8 * jnp.square(own - still).sum()


def test_predicted_frames_are_fused_with_their_references(codec, monkeypatch):
    """Of one side where there is but one; the decoder shows the same."""
    seen, fused = [], Kbvc.fused

    def spy(model, decoded, references, quality):
        seen.append(len(references))
        return fused(model, decoded, references, quality)

    monkeypatch.setattr(Kbvc, "fused", spy)
    jax.clear_caches()
    shown = {}
    options = {"gop": 4, "keyint": 32, "on_frame": shown.__setitem__}
    file, frames = io.BytesIO(), np.concatenate([still(2), 255 - still(3)])
    format = VideoFormat(50, 34, Fraction(25), "709", True, 8, "444")
    codec.encode_stream(frames, format, file, 60, **options)
    assert seen == [1, 2]  # one trace for the P-frame, then one for the B-frames of all depths
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(5)])
    seen.clear()
    codec.encode(frames, 60, gop=4, keyint=32, b_frames="kernel")
    assert not seen


def test_a_keyint_below_the_group_is_refused(codec):
    with pytest.raises(InputError, match="keyint 3: must be 4 or more"):
        codec.encode(still(2), gop=4, keyint=3)
