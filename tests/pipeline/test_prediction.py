"""Latents predicted in time: the modes by themselves, then in real streams."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_inference

import kbvc_jax
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.errors import InputError
from kbvc_jax.pipeline import gop_coder
from kbvc_jax.pipeline.codec import WEIGHTS, Codec
from kbvc_jax.pipeline.prediction import (
    CAPS,
    MODE_COUNTS,
    SOURCES,
    choose_kept,
    choose_modes,
    predict,
    prices,
)

SHAPE = (2, 3, 4, 5)


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(1))


@pytest.fixture(scope="module")
def tables(codec):
    return codec.inference.y_tables


def parts(seed: int = 0):
    """mean, indexes, sources."""
    rng = np.random.default_rng(seed)
    mean, indexes = rng.normal(0, 3, SHAPE), rng.integers(0, 40, SHAPE).astype(np.uint8)
    return mean, indexes, rng.normal(0, 3, (SHAPE[0], SOURCES, *SHAPE[1:]))


def test_a_mode_names_a_source_and_a_cap():
    mean, indexes, sources = parts()
    modes = np.random.default_rng(1).permutation(24).reshape(SHAPE[:3]) % len(MODE_COUNTS)
    found, tables = predict(*map(jnp.asarray, (mean, indexes, sources, modes)))
    for at in np.ndindex(modes.shape):
        if modes[at] == 0:
            expected = mean[at], indexes[at]
        else:
            source, cap = divmod(modes[at] - 1, len(CAPS))
            expected = sources[at[0], source, *at[1:]], np.minimum(indexes[at], CAPS[cap])
        np.testing.assert_allclose(found[at], expected[0], rtol=1e-6)
        np.testing.assert_array_equal(tables[at], expected[1])


@pytest.mark.parametrize("source", [None, *range(SOURCES)])
def test_the_source_that_is_alike_is_chosen(tables, source):
    mean, indexes, sources = parts()
    mean, sources = 20 + mean, sources - 20
    indexes = np.full_like(indexes, 30)
    y = mean if source is None else sources[:, source]
    certain = tables.lengths == 1
    modes = choose_modes(*map(jnp.asarray, (y, mean, indexes, sources, prices(tables), certain)))
    expected = 0 if source is None else 1 + len(CAPS) * source  # the lowest cap: all is known
    assert (np.asarray(modes) == expected).all()


def test_prices_are_those_of_the_tables(tables):
    found = prices(tables)
    for table in (0, 1, 20, 63):
        for symbol in range(min(found.shape[1], tables.spans[table] // 2)):
            column = symbol - tables.offsets[table]
            assert found[table, symbol] == pytest.approx(tables.bits[table, column], abs=1e-4)
    assert (np.diff(found[1:]) > -0.01).all()  # and rise beyond their ends


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


@pytest.mark.parametrize("options", [{"gop": 4, "keyint": 32}, {"gop": "auto"}])
def test_the_papers_streams_predict_no_latents(codec, options):
    predicted, paper = (
        [any(r.predicted) for r in records(codec.encode(still(12), 40, **options, paper=flag))]
        for flag in (False, True)
    )
    assert any(predicted) and not any(paper)


def test_what_costs_far_more_is_tried_again_after_32_frames_alone(codec, monkeypatch):
    tried, code = [], gop_coder.code_frames
    cost = {"image": 1.0, "frame": 10.0}
    monkeypatch.setattr(
        gop_coder, "code_frames", lambda *parts: tried.append(parts[3].kind) or code(*parts)
    )
    monkeypatch.setattr(gop_coder, "costs", lambda *parts: np.array(cost[parts[4].kind]))
    codec.encode(still(41), 40, gop=2)
    assert tried.count("frame") == 2  # in the groups from frames 0 and 32
    assert tried.count("image") == 21 + 20


def test_a_seek_starts_at_the_last_i_frame(codec, monkeypatch):
    frames = np.concatenate([still(9), 255 - still(8)])
    data = codec.encode(frames, 50, gop=2, keyint=6)
    whole, read, record = codec.decode(data), [], StreamReader.record
    monkeypatch.setattr(StreamReader, "record", lambda s, n: read.append(n) or record(s, n))
    np.testing.assert_array_equal(codec.decode(data, start=11, frames=2), whole[11:13])
    assert read == [5, 4, 3, 6]  # of frames 9 and 10; 7 and 8; 5 and 6, an I-frame; 11 and 12


def test_a_p_frame_in_a_mode_of_b_frames_is_damage(codec, monkeypatch):
    write = gop_coder.encode_modes
    monkeypatch.setattr(
        gop_coder, "encode_modes", lambda e, m, n: write(e, m + 9 * (n == MODE_COUNTS), n)
    )
    data = codec.encode(still(2), 50, gop=1, keyint=2)
    with pytest.raises(InputError, match="a mode beyond 1 sources"):
        codec.decode(data)


def test_a_keyint_below_the_group_is_refused(codec):
    with pytest.raises(InputError, match="keyint 3: must be 4 or more"):
        codec.encode(still(2), gop=4, keyint=3)
