"""Modes: back as they went in, at the price asked, by the document's rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.modes import _walk, bits_of_each_mode, decode_modes, encode_modes
from kbvc_jax.runtime.errors import InputError
from tests.coding.plain_decoder import PlainDecoder, plain_modes

ALIKE = (2,) * 16  # counts at first
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 9))


def patches(seed: int, shape: tuple[int, int, int], number: int) -> np.ndarray:
    """Modes of which neighbours are often alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, number, tuple(-(-size // 3) for size in shape))
    fine = np.repeat(np.repeat(coarse, 3, 1), 3, 2)[: shape[0], : shape[1], : shape[2]]
    return np.resize(fine, shape).astype(np.int64)


def encoded(modes: np.ndarray, first: tuple[int, ...]) -> bytes:
    encoder = SymbolEncoder()
    encode_modes(encoder, modes, first)
    return encoder.finish()


@given(st.integers(0, 2**32), SHAPES, st.lists(st.integers(1, 99), min_size=2, max_size=16))
def test_modes_come_back_here_and_in_a_decoder_written_from_the_document(seed, shape, first):
    modes = patches(seed, shape, len(first))
    data = encoded(modes, first)
    np.testing.assert_array_equal(decode_modes(SymbolDecoder(data), shape, first), modes)
    assert plain_modes(PlainDecoder(data), *shape, first) == modes.tolist()


def test_the_price_is_the_size():
    modes = patches(1, (3, 60, 90), 16)
    bits = bits_of_each_mode(modes, ALIKE).sum()
    assert 8 * len(encoded(modes, ALIKE)) == pytest.approx(bits, abs=16)


def test_what_is_alike_costs_little():
    modes = np.full((1, 45, 80), 5)
    assert bits_of_each_mode(modes, ALIKE).sum() < 0.15 * modes.size


def test_a_mode_that_is_none_is_named():
    encoder = SymbolEncoder()
    for row, above, tables in _walk(np.zeros((1, 1, 4), np.int64), (1, 1)):
        encoder.encode(row + 5, above, tables)
    with pytest.raises(InputError, match="damaged payload: a mode other than 0 to 1"):
        decode_modes(SymbolDecoder(encoder.finish()), (1, 1, 4), (1, 1))
