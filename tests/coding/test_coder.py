"""The entropy coder: what goes in comes out, at the tables' price, by the document's rules."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbvc_jax.coding import escapes
from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.range_coder import RangeEncoder, exact_model
from kbvc_jax.coding.tables import (
    Tables,
    clamp_certain,
    gaussian_tables,
    symbol_bits,
    tables_from_pmf,
)
from kbvc_jax.runtime.errors import InputError
from tests.coding.plain_decoder import PlainDecoder

INT32 = np.iinfo(np.int32)


# For each call of the encoder a seed, the width of its tables, the number of symbols.
batches = st.lists(
    st.tuples(st.integers(0, 2**32), st.integers(1, 40), st.integers(0, 60)), max_size=3
)


def random_tables(rng: np.random.Generator, width: int) -> Tables:
    """Even and uneven ones; the last makes 7 certain."""
    pmfs = [rng.dirichlet(np.full(width, spread)) for spread in (0.1, 0.3, 3)]
    tables = tables_from_pmf(pmfs, [int(o) for o in rng.integers(-50, 50, len(pmfs))])
    certain = np.eye(1, tables.frequencies.shape[1], dtype=np.int32) << 16
    return Tables(
        np.concatenate([tables.frequencies, certain]),
        np.append(tables.offsets, np.int32(7)),
        np.append(tables.lengths, np.int32(1)),
    )


def random_calls(shapes) -> list[tuple[np.ndarray, np.ndarray, Tables]]:
    """Symbols within their tables, near them and, in some calls, far outside."""
    calls = []
    for seed, width, size in shapes:
        rng = np.random.default_rng(seed)
        tables = random_tables(rng, width)
        indexes = rng.integers(0, len(tables.lengths), size).astype(np.uint8)
        symbols = tables.offsets[indexes] + rng.geometric(0.1, size).astype(np.int32) - 2
        far = rng.random(size) < rng.choice([0, 0.1])
        symbols[far] = rng.integers(INT32.min, INT32.max, far.sum(), endpoint=True)
        calls.append((clamp_certain(symbols, indexes, tables), indexes, tables))
    return calls


def encode(calls) -> bytes:
    encoder = SymbolEncoder()
    for symbols, indexes, tables in calls:
        encoder.encode(symbols, indexes, tables)
    return encoder.finish()


@given(batches)
def test_decoder_returns_what_the_encoder_coded(shapes):
    calls = random_calls(shapes)
    decoder = SymbolDecoder(encode(calls))
    for symbols, indexes, tables in calls:
        decoded = decoder.decode(indexes, tables)
        assert decoded.dtype == np.int32
        np.testing.assert_array_equal(decoded, symbols)


@given(batches)
def test_a_decoder_written_from_the_document_reads_the_stream(shapes):
    calls = random_calls(shapes)
    decoder = PlainDecoder(encode(calls))
    for symbols, indexes, tables in calls:
        rows = zip(tables.offsets, tables.frequencies, tables.lengths, strict=True)
        plain = [(int(offset), [int(f) for f in row[:length]]) for offset, row, length in rows]
        assert decoder.batch(indexes.tolist(), plain) == symbols.tolist()


@given(batches)
def test_the_stream_costs_what_the_tables_say_rounded_up_to_bytes(shapes):
    calls = random_calls(shapes)
    size = len(encode(calls))
    bits = sum(symbol_bits(*call) for call in calls)
    assert size <= math.ceil(bits / 8 * (1 + 1e-4) + 0.01)


@given(batches, st.integers(0, 2**32))
def test_damaged_payloads_give_garbage_or_an_input_error(shapes, seed):
    calls, rng = random_calls(shapes), np.random.default_rng(seed)
    data = np.frombuffer(encode(calls), np.uint8).copy()
    if data.size:
        data[rng.integers(data.size)] ^= rng.integers(1, 256, dtype=np.uint8)
    for damaged in (data.tobytes(), data.tobytes()[: data.size // 2], b"\xff" * data.size):
        decoder = SymbolDecoder(damaged)
        try:
            for symbols, indexes, tables in calls:
                assert decoder.decode(indexes, tables).shape == symbols.shape
        except InputError:
            pass


def test_bytes_that_no_encoder_writes_are_an_input_error():
    tables = gaussian_tables([4.0])
    with pytest.raises(InputError, match="damaged payload"):
        SymbolDecoder(b"\xff" * 64).decode(np.zeros(100, np.uint8), tables)


def test_escapes_reach_every_32_bit_value():
    extremes = np.array([INT32.min, INT32.min + 1, -7, -2, 2, 7, INT32.max], np.int32)
    tables = gaussian_tables([0.3])
    tables = Tables(
        np.repeat(tables.frequencies, 3, 0),
        np.array([INT32.min, -1, INT32.max - 2], np.int32),
        np.repeat(tables.lengths, 3),
    )
    for index in range(3):
        indexes = np.full(extremes.size, index, np.uint8)
        data = encode([(extremes, indexes, tables)])
        np.testing.assert_array_equal(SymbolDecoder(data).decode(indexes, tables), extremes)


def test_escape_exponents_sum_to_the_precision_of_the_tables():
    assert escapes.EXPONENTS.sum() == 2**16
    assert escapes.EXPONENTS.size == 32


def test_symbols_beyond_32_bits_are_an_input_error():
    tables = gaussian_tables([0.3])
    encoder = RangeEncoder()
    column = int(tables.lengths[0]) - 1
    encoder.encode(np.array([column], np.int32), tables.model(0))
    encoder.encode(np.array([31], np.int32), exact_model(escapes.EXPONENTS))
    encoder.encode(np.ones(32, np.int32), exact_model(np.array([2**15, 2**15])))
    with pytest.raises(InputError, match="32 bits"):
        SymbolDecoder(encoder.finish()).decode(np.zeros(1, np.uint8), tables)


def test_certain_symbols_cost_nothing():
    tables = gaussian_tables([0.11, 1.0])
    assert tables.lengths[0] == 1
    assert encode([(np.zeros(1000, np.int32), np.zeros(1000, np.uint8), tables)]) == b""


def test_a_symbol_that_its_certain_table_cannot_code_is_refused():
    tables = gaussian_tables([0.11])
    with pytest.raises(ValueError, match="clamp_certain"):
        encode([(np.ones(1, np.int32), np.zeros(1, np.uint8), tables)])


def test_no_shorter_stream_decodes_to_the_same_symbols():
    tables, rng = gaussian_tables([0.5, 2.0]), np.random.default_rng(0)
    tried = 0
    for _ in range(60):
        indexes = rng.integers(0, 2, rng.integers(1, 7)).astype(np.uint8)
        symbols = rng.integers(-2, 3, indexes.size).astype(np.int32)
        data = encode([(symbols, indexes, tables)])
        if not 1 <= len(data) <= 2:
            continue
        tried += 1
        for shorter in itertools.product(range(256), repeat=len(data) - 1):
            assert (SymbolDecoder(bytes(shorter)).decode(indexes, tables) != symbols).any()
    assert tried > 20


def test_streams_that_end_in_a_carry_decode():
    """Runs of the highest column bring the coder to the edge where its last words are open."""
    frequencies = np.array([[1, 2**16 - 3, 1, 1]], np.int32)
    tables = Tables(frequencies, np.array([0], np.int32), np.array([4], np.int32))
    for ones, twos in itertools.product(range(24), range(1, 8)):
        symbols = np.repeat(np.array([1, 2], np.int32), [ones, twos])
        indexes = np.zeros(symbols.size, np.uint8)
        data = encode([(symbols, indexes, tables)])
        np.testing.assert_array_equal(SymbolDecoder(data).decode(indexes, tables), symbols)
        assert len(data) <= math.ceil(symbol_bits(symbols, indexes, tables) / 8 + 0.01)


def test_ten_thousand_gaussian_symbols_of_64_scales_come_within_a_tenth_of_a_percent():
    scales = np.geomspace(0.11, 256, 64)
    tables, rng = gaussian_tables(list(scales)), np.random.default_rng(1)
    indexes = rng.integers(0, 64, 10_000).astype(np.uint8)
    symbols = np.rint(rng.normal(size=indexes.size) * scales[indexes]).astype(np.int32)
    symbols[indexes == 0] = 0
    # Entropy of a Gaussian of unit bins; exact enough from scale 1 on.
    wide = scales[indexes] > 1
    data = encode([(symbols[wide], indexes[wide], tables)])
    density = 0.5 * (symbols[wide] / scales[indexes[wide]]) ** 2 / np.log(2)
    ideal = (density + np.log2(scales[indexes[wide]] * np.sqrt(2 * np.pi))).sum()
    assert len(data) * 8 == pytest.approx(ideal, rel=2e-3)
    assert len(data) * 8 == pytest.approx(
        symbol_bits(symbols[wide], indexes[wide], tables), rel=1e-3
    )
