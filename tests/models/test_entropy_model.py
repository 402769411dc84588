import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY, tiny_inference, tiny_model

from kbvc_jax.models.checkpoint import load_inference, save_inference
from kbvc_jax.models.entropy_model import (
    Z_RATES,
    index_offsets,
    nearest_indexes,
    quantise_hyperprior,
    table_indexes,
    z_indexes,
)
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.ops.densities import CERTAIN_BELOW
from kbvc_jax.rate import QUALITY_STEPS
from kbvc_jax.runtime.errors import InputError


def test_the_integer_scale_decoder_follows_the_float_one():
    hyperprior = tiny_model(1).image.hyperprior
    z = np.random.default_rng(0).integers(-4, 5, (2, 3, 4, TINY.image.hyper_channels[-1]))
    entropy = quantise_hyperprior(hyperprior, z)
    quality, level = np.array([20, 90]), np.array([0, 0])
    offsets = jnp.asarray(index_offsets(entropy, quality * QUALITY_STEPS, level))
    integer = table_indexes(entropy.layers, jnp.asarray(z), offsets)
    rate = Rate(jnp.asarray(quality, jnp.float32), jnp.asarray(level))
    exact = nearest_indexes(hyperprior.log2_scale(jnp.asarray(z, jnp.float32), rate, 12, 16))
    difference = np.abs(np.asarray(integer) - np.asarray(exact))
    assert difference.mean() < 0.5 and difference.max() <= 4


def test_the_likelihood_knows_which_scales_make_zero_certain():
    lengths = tiny_inference(1).y_tables.lengths
    np.testing.assert_array_equal(lengths == 1, np.arange(len(lengths)) == 0)
    around = jnp.log2(CERTAIN_BELOW * jnp.array([0.999, 1.001]))
    np.testing.assert_array_equal(nearest_indexes(around), [0, 1])


def test_offsets_meet_the_knots_and_lie_between_them():
    entropy = tiny_inference(1).frame
    ends = index_offsets(entropy, np.array([0, 100 * QUALITY_STEPS]), np.array([0, 1]))
    np.testing.assert_array_equal(ends[0], entropy.knots[0] + entropy.shifts[0])
    np.testing.assert_array_equal(ends[1], entropy.knots[-1] + entropy.shifts[1])
    middle = index_offsets(entropy, np.array([50 * QUALITY_STEPS]), np.array([0]))[0]
    middle = middle - entropy.shifts[0]
    assert (middle >= entropy.knots.min(0)).all() and (middle <= entropy.knots.max(0)).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path, dtype):
    saved = tiny_inference(1)
    save_inference(tmp_path / "out", saved, dtype)
    loaded = load_inference(tmp_path / "out")
    assert (loaded.fingerprint == saved.fingerprint) == (dtype == "float32")
    for codec in ("image", "frame"):
        ours, theirs = getattr(saved, codec), getattr(loaded, codec)
        for a, b in zip(ours.layers, theirs.layers, strict=True):
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
    hyperprior, entropy = getattr(inference.model, codec).hyperprior, getattr(inference, codec)
    tables, own_level = entropy.z_tables, np.array([level - {"image": 0, "frame": 1}[codec]])
    z = np.broadcast_to(np.arange(-3, 4)[None, None, :, None], (1, 1, 7, entropy.z_channels))
    for quality in (0, 50, 100):
        rows = z_indexes(entropy, np.array([quality * QUALITY_STEPS]), own_level)[0]
        rate = Rate(jnp.array([float(quality)]), jnp.array([level]))
        promised = np.asarray(hyperprior.z_bits(jnp.asarray(z, jnp.float32), rate))[0, 0]
        columns = z[0, 0] - tables.offsets[rows]
        likely = promised < 6  # rarer symbols feel that frequencies are integers
        assert likely.any()
        priced = tables.bits[np.broadcast_to(rows, likely.shape)[likely], columns[likely]]
        np.testing.assert_allclose(priced, promised[likely], atol=0.02)


def test_between_two_qualities_with_tables_z_takes_the_nearer():
    entropy = tiny_inference(1).frame
    step = 100 / (Z_RATES - 1)
    quality = np.array([0, 0.49, 0.51, 1.0]) * step * QUALITY_STEPS
    rows = z_indexes(entropy, quality.astype(np.int64), np.zeros(4, np.int64))[:, 0]
    assert rows[0] == rows[1] == 0 and rows[2] == rows[3] == 2 * TINY.frame.hyper_channels[-1]
