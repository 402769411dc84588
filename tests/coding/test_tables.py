"""Integer probability tables."""

import math

import numpy as np
import pytest

from kbvc_jax.coding.tables import (
    TOTAL,
    Tables,
    clamp_certain,
    gaussian_tables,
    quantise_pmf,
    symbol_bits,
    tables_from_pmf,
)
from kbvc_jax.runtime.errors import InputError


def test_gaussian_tables_hold_the_mass_of_unit_bins():
    tables = gaussian_tables([0.3, 5.0, 256.0])
    for scale, row, offset, length in zip(
        [0.3, 5.0, 256.0], tables.frequencies, tables.offsets, tables.lengths, strict=True
    ):
        half = -int(offset)
        assert length == 2 * half + 2
        assert math.erfc((half + 0.5) / scale / math.sqrt(2)) <= 2**-16
        assert math.erfc((half - 0.5) / scale / math.sqrt(2)) > 2**-16
        centre = math.erf(0.5 / scale / math.sqrt(2))
        assert row[half] == pytest.approx(centre * TOTAL, rel=0.02)
        np.testing.assert_allclose(row[: 2 * half + 1], row[: 2 * half + 1][::-1], atol=1)


def test_the_lowest_scale_makes_zero_certain_and_the_next_does_not():
    tables = gaussian_tables(list(np.geomspace(0.11, 256, 64)))
    assert tables.lengths[0] == 1
    assert tables.offsets[0] == 0
    assert (tables.lengths[1:] > 1).all()


def test_quantised_tables_waste_next_to_nothing():
    for scale in (0.5, 4.0, 64.0, 256.0):
        x = np.arange(-2000, 2001)
        pmf = np.array([math.erf((v + 0.5) / scale) - math.erf((v - 0.5) / scale) for v in x]) / 2
        frequencies = quantise_pmf(pmf[pmf > 2.0**-18])
        pmf = pmf[pmf > 2.0**-18] / pmf[pmf > 2.0**-18].sum()
        assert frequencies.sum() == TOTAL
        assert frequencies.min() >= 1
        excess = (pmf * np.log2(pmf / (frequencies / TOTAL))).sum()
        assert excess < 1e-3 * -(pmf * np.log2(pmf)).sum()


def test_no_single_step_improves_a_quantised_table():
    pmf = np.random.default_rng(0).dirichlet(np.full(300, 0.1))
    frequencies = quantise_pmf(pmf)
    gain = pmf * np.log2((frequencies + 1) / frequencies)
    loss = np.where(
        frequencies > 1, pmf * np.log2(frequencies / np.maximum(frequencies - 1, 1)), np.inf
    )
    assert gain.max() <= loss.min() + 1e-9


def test_what_a_pmf_lacks_to_one_goes_to_the_escape():
    tables = tables_from_pmf([np.array([0.5, 0.25]), np.array([1.0])], [3, -2])
    np.testing.assert_array_equal(tables.frequencies[0], [TOTAL // 2, TOTAL // 4, TOTAL // 4])
    np.testing.assert_array_equal(tables.frequencies[1], [TOTAL - 1, 1, 0])
    np.testing.assert_array_equal(tables.lengths, [3, 2])


def test_a_pmf_of_more_symbols_than_frequencies_is_an_input_error():
    with pytest.raises(InputError, match="at most 65536"):
        quantise_pmf(np.ones(TOTAL + 1))


@pytest.mark.parametrize(
    ("frequencies", "lengths"),
    [
        ([[TOTAL, 0], [TOTAL - 1, 0]], [1, 1]),
        ([[TOTAL, 0], [TOTAL, 0]], [1, 2]),
        ([[TOTAL, 0], [TOTAL + 1, -1]], [1, 2]),
        ([[TOTAL, 0], [0, 0]], [1, 0]),
    ],
)
def test_damaged_tables_are_an_input_error(frequencies, lengths):
    with pytest.raises(InputError, match="probability tables"):
        Tables(np.array(frequencies, np.int32), np.zeros(2, np.int32), np.array(lengths, np.int32))


def test_clamping_touches_certain_tables_alone():
    tables = gaussian_tables([0.11, 1.0])
    symbols, indexes = np.array([[5, 5], [-3, 0]]), np.array([[0, 1], [1, 0]])
    np.testing.assert_array_equal(clamp_certain(symbols, indexes, tables), [[0, 5], [-3, 0]])


def test_bits_are_those_of_the_frequencies_and_the_escape_code():
    tables = tables_from_pmf([np.array([0.5, 0.25])], [0])
    inside = symbol_bits(np.array([0, 1, 1]), np.zeros(3, np.uint8), tables)
    assert inside == pytest.approx(1 + 2 + 2)
    # Distance 1 above: number 2, exponent 1 (about a bit), one more bit. Distance 2: one more each.
    escape = symbol_bits(np.array([2]), np.zeros(1, np.uint8), tables)
    assert escape == pytest.approx(2 + 1 + 1, abs=1e-3)
    farther = symbol_bits(np.array([-2]), np.zeros(1, np.uint8), tables)
    assert farther == pytest.approx(2 + 2 + 2, abs=1e-3)
