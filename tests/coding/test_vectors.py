"""Vectors of cells: back as they went in, at the price asked, by the document's rules."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.tables import counted_tables
from kbvc_jax.coding.vectors import (
    MOST,
    bits_of_each_vector,
    decode_vectors,
    encode_vectors,
    passes,
    turns,
)
from kbvc_jax.models.codecs.motion.vectors import vector_bits
from kbvc_jax.runtime.errors import InputError
from tests.coding.plain_decoder import PlainDecoder, plain_order, plain_vectors

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 17), st.integers(1, 2))


def moving(seed: int, batch: int, height: int, width: int, fields: int) -> np.ndarray:
    """Two regions, one of which turns, and a few cells that do as they like."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    parts = []
    for _ in range(2 * fields):
        steady, border = rng.integers(-40, 41), rng.uniform(-5, 17)
        field = np.where(x + y / 2 > border, steady, rng.integers(-2, 3) * (y + x) // 3)
        odd = rng.random(field.shape) < 0.05
        parts.append(np.where(odd, rng.integers(-300, 301, field.shape), field))
    scale = rng.integers(1, 3)
    return scale * np.stack([np.stack(parts, -1)] * batch).astype(np.int64)


def encoded(vectors: np.ndarray) -> bytes:
    encoder = SymbolEncoder()
    encode_vectors(encoder, vectors)
    return encoder.finish()


@given(st.integers(0, 2**32), SHAPES)
def test_vectors_come_back_here_and_in_a_decoder_written_from_the_document(seed, shape):
    batch, height, width, fields = shape
    vectors = moving(seed, *shape)
    before, data = vectors.copy(), encoded(vectors)
    np.testing.assert_array_equal(vectors, before)
    np.testing.assert_array_equal(decode_vectors(SymbolDecoder(data), vectors.shape), vectors)
    assert plain_vectors(PlainDecoder(data), batch, height, width, fields) == vectors.tolist()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (7, 2), (44, 80)])
def test_each_cell_comes_once_after_those_around_it(height, width):
    known = {0}
    for cells, around in passes(height, width):
        assert set(around.ravel()) <= known and not known & set(cells)
        known |= set(cells)
    assert known == set(range(height * width))
    plain = [[y * width + x for (y, x), _ in turn] for turn in plain_order(height, width)]
    assert [turn.cells.tolist() for turn in turns(height, width)] == [t for t in plain if t]


def test_the_price_is_the_size_and_what_training_takes_it_for():
    vectors = moving(3, 2, 44, 80, 2)
    bits = bits_of_each_vector(vectors)
    assert bits.shape == (2, 44, 80)
    assert 8 * len(encoded(vectors)) == pytest.approx(bits.sum(), abs=16)
    assert vector_bits(jnp.asarray(vectors, jnp.float32)).sum() == pytest.approx(
        bits.sum(), rel=0.05
    )


def test_what_moves_as_one_costs_little_and_even_numbers_no_more_than_their_halves():
    assert bits_of_each_vector(np.full((1, 44, 80, 2), 12)).sum() < 0.05 * 44 * 80
    vectors = moving(5, 1, 44, 80, 1)
    vectors[0, 0, 0, 0] |= 1
    bits = bits_of_each_vector(vectors).sum()
    assert bits_of_each_vector(2 * vectors).sum() == pytest.approx(bits, abs=0.01)


@pytest.mark.parametrize("vector", [MOST + 1, -MOST - 1])
def test_motion_beyond_all_sense_is_named(vector):
    data = encoded(np.full((1, 1, 1, 2), vector | 1))
    with pytest.raises(InputError, match="damaged payload: motion further than there is any"):
        decode_vectors(SymbolDecoder(data), (1, 1, 1, 2))


def test_one_of_four_that_is_none_of_them_is_named():
    encoder = SymbolEncoder()
    tables = counted_tables(np.array([(1, 1, 0)]), 0)
    encoder.encode(np.array([7]), np.array([0]), tables)
    with pytest.raises(InputError, match="damaged payload"):
        decode_vectors(SymbolDecoder(encoder.finish()), (1, 2, 2, 2))
