import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY, tiny_inference, tiny_model

from kbvc_jax.models.checkpoint import load_inference, save_inference
from kbvc_jax.models.entropy_model import (
    Z_RATES,
    certain_index,
    check_sums,
    index_offsets,
    largest_sums,
    quantise_hyperprior,
    table_indexes,
    z_indexes,
)
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.ops.densities import CERTAIN_BELOW, nearest_indexes
from kbvc_jax.ops.integer import integer_transposed_conv
from kbvc_jax.rate import BEST, QUALITY_STEPS
from kbvc_jax.runtime.errors import InputError


def test_the_integer_scale_decoder_follows_the_float_one():
    hyperprior = tiny_model(1).image.hyperprior
    z = np.random.default_rng(0).integers(-4, 5, (2, 3, 4, TINY.image.hyper_channels[-1]))
    entropy = quantise_hyperprior(hyperprior, z)
    rate = Rate(jnp.array([20.0, 90.0]), jnp.array([0, 0]))
    offsets = index_offsets(entropy.prior, rate, 0)
    integer = table_indexes(entropy.prior.layers, jnp.asarray(z), offsets)
    exact = nearest_indexes(hyperprior.log2_scale(jnp.asarray(z, jnp.float32), rate, 12, 16))
    difference = np.abs(np.asarray(integer) - np.asarray(exact))
    assert difference.mean() < 0.5 and difference.max() <= 4


def test_the_largest_sum_is_what_the_worst_z_reaches():
    prior = tiny_inference(1).entropy["image"].prior
    layer, channels = prior.layers[0], prior.z_channels
    each = np.eye(9 * channels, dtype=np.int8).reshape(-1, 3, 3, channels)
    silent = jnp.zeros_like(layer.bias)
    weights = jnp.asarray(layer.weights)
    answers = np.asarray(integer_transposed_conv(jnp.asarray(each), weights, silent), int)
    worst = 127 * np.abs(answers[:, 2:4, 2:4]).sum(0).max((0, 1))  # of what lies in the middle
    wanted = worst + np.abs(layer.bias) + (1 << np.asarray(layer.shift)) // 2
    assert largest_sums(prior)[0] == wanted.max()


def test_sums_beyond_32_bits_are_refused():
    prior = tiny_inference(1).entropy["image"].prior
    first = prior.layers[0]
    heavy = first._replace(bias=np.full_like(first.bias, 2**31 - 1))
    with pytest.raises(InputError, match="layer 0: sums reach 2,14[0-9,]+; 32 bits hold"):
        check_sums(prior._replace(layers=(heavy, *prior.layers[1:])))


@pytest.mark.parametrize("shift", [-1, 31, 64])
def test_a_shift_beyond_what_an_export_writes_is_refused(shift):
    prior = tiny_inference(1).entropy["image"].prior
    first, *rest = prior.layers
    other = first._replace(shift=np.full_like(first.shift, shift))
    with pytest.raises(InputError, match="layer 0: a shift is not from 0 to 30"):
        check_sums(prior._replace(layers=(other, *rest)))


def test_the_likelihood_knows_which_scales_make_zero_certain():
    lengths = tiny_inference(1).y_tables.lengths
    np.testing.assert_array_equal(lengths == 1, np.arange(len(lengths)) == 0)
    around = jnp.log2(CERTAIN_BELOW * jnp.array([0.999, 1.001]))
    np.testing.assert_array_equal(nearest_indexes(around), [0, 1])


def test_offsets_meet_the_knots_and_lie_between_them():
    prior = tiny_inference(1).entropy["frame"].prior
    rate = Rate(jnp.array([0.0, 100.0, 50.0]), jnp.array([1, 2, 1]))
    low, high, middle = np.asarray(index_offsets(prior, rate, 1))
    np.testing.assert_array_equal(low, prior.knots[0] + prior.shifts[0])
    np.testing.assert_array_equal(high, prior.knots[-1] + prior.shifts[1])
    middle = middle - prior.shifts[0]
    assert (middle >= prior.knots.min(0)).all() and (middle <= prior.knots.max(0)).all()


def test_offsets_on_a_device_are_those_of_64_bit_integers():
    """At every quality of a stream, for knots as large as there may be."""
    knots = np.array([[2**16 - 1, -(2**16) + 1, 7], [-(2**16) + 1, 3, 2**16 - 1], [5, -9, 11]])
    prior = tiny_inference(1).entropy["image"].prior
    prior = prior._replace(knots=knots.astype(np.int32), shifts=np.zeros((1, 3), np.int32))
    quality = np.arange(0, BEST + 1, 7)
    rate = Rate(jnp.asarray(quality / QUALITY_STEPS, jnp.float32), jnp.zeros(len(quality), int))
    position = quality * 2
    lower = np.minimum(position // BEST, 1)
    part = (position - lower * BEST)[:, None]
    wanted = (knots[lower] * (BEST - part) + knots[lower + 1] * part) // BEST
    np.testing.assert_array_equal(index_offsets(prior, rate, 0), wanted)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path, dtype):
    saved = tiny_inference(1)
    save_inference(tmp_path / "out", saved, dtype)
    loaded = load_inference(tmp_path / "out")
    assert (loaded.fingerprint == saved.fingerprint) == (dtype == "float32")
    for codec in ("image", "frame"):
        ours, theirs = saved.entropy[codec], loaded.entropy[codec]
        for a, b in zip(ours.prior.layers, theirs.prior.layers, strict=True):
            np.testing.assert_array_equal(a.weights, b.weights)
        np.testing.assert_array_equal(ours.z_tables.frequencies, theirs.z_tables.frequencies)


def test_another_models_fingerprint_differs():
    assert tiny_inference(1).fingerprint != tiny_inference(2).fingerprint


def test_a_folder_without_a_checkpoint_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path}: no inference checkpoint"):
        load_inference(tmp_path)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    save_inference(tmp_path / "out", tiny_inference(1))
    document = tmp_path / "out" / "model.json"
    document.write_text(document.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(InputError, match="do not match"):
        load_inference(tmp_path / "out")


@pytest.mark.parametrize(("codec", "level"), [("image", 0), ("frame", 1), ("frame", 2)])
def test_z_has_the_tables_that_its_density_has_at_this_quality(codec, level):
    inference = tiny_inference(1)
    hyperprior = getattr(inference.model, codec).hyperprior
    prior, tables = inference.entropy[codec]
    z = np.broadcast_to(np.arange(-3, 4)[None, None, :, None], (1, 1, 7, prior.z_channels))
    for quality in (0, 50, 100):
        rate = Rate(jnp.array([float(quality)]), jnp.array([level]))
        rows = np.asarray(z_indexes(prior, rate, {"image": 0, "frame": 1}[codec]))[0]
        promised = np.asarray(hyperprior.z_bits(jnp.asarray(z, jnp.float32), rate))[0, 0]
        columns = z[0, 0] - tables.offsets[rows]
        likely = promised < 6  # rarer symbols feel that frequencies are integers
        assert likely.any()
        priced = tables.bits[np.broadcast_to(rows, likely.shape)[likely], columns[likely]]
        np.testing.assert_allclose(priced, promised[likely], atol=0.02)


def test_between_two_qualities_with_tables_z_takes_the_nearer():
    prior = tiny_inference(1).entropy["frame"].prior
    step = 100 / (Z_RATES - 1)
    quality = jnp.array([0, 0.49, 0.51, 1.0]) * step
    rows = z_indexes(prior, Rate(quality, jnp.ones(4, int)), 1)[:, 0]
    assert rows[0] == rows[1] == 0 and rows[2] == rows[3] == 2 * TINY.frame.hyper_channels[-1]


def test_behind_the_tables_of_z_is_one_that_sends_nothing():
    for prior, tables in tiny_inference(1).entropy.values():
        found = tables.with_certain()
        assert certain_index(prior) == len(tables.lengths) == len(found.lengths) - 1
        assert found.lengths[-1] == 1 and found.offsets[-1] == 0
