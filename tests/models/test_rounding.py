"""Latents to symbols: what they cost by the tables, and which are chosen."""

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_inference

from kbvc_jax.coding.tables import symbol_bits
from kbvc_jax.models.codecs.rounding import Prices, bits_of, symbols_of


@pytest.fixture(scope="module")
def tables():
    return tiny_inference(1).y_tables


def test_prices_are_those_of_the_tables(tables):
    found = Prices.of(tables).bits
    for table in (0, 1, 20, 63):
        for symbol in range(min(found.shape[1], tables.spans[table] // 2)):
            column = symbol - tables.offsets[table]
            assert found[table, symbol] == pytest.approx(tables.bits[table, column], abs=1e-4)
    assert (np.diff(found[1:]) > -0.01).all()  # and rise beyond their ends


def latent(seed: int = 0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(0, 2, 2000), jnp.float32), jnp.asarray(rng.integers(25, 40, 2000))


def test_where_errors_are_dear_symbols_are_the_nearest_integers(tables):
    exact, indexes = latent()
    found = symbols_of(exact, indexes, Prices.of(tables), 1e9)
    np.testing.assert_array_equal(found, np.rint(exact))


def test_symbols_are_the_cheapest_of_the_nearest_and_the_next_towards_zero(tables):
    weight, prices, (exact, indexes) = 1.0, Prices.of(tables), latent()
    found = np.asarray(symbols_of(exact, indexes, prices, weight))

    def cost(symbol, value, table):
        bits = symbol_bits(np.array([symbol]), np.array([int(table)]), tables)
        return bits + weight * (value - symbol) ** 2

    changed = 0
    rows = np.stack([found, exact, indexes], 1)[:300]
    for symbol, value, table in rows:
        nearest = np.rint(value)
        either = {int(nearest), int(nearest - np.sign(nearest))}
        assert symbol in either
        least = min(cost(s, value, table) for s in either)
        assert cost(int(symbol), value, table) == pytest.approx(least, abs=1e-3)
        changed += symbol != nearest
    assert 10 < changed < 290
    saved = bits_of(jnp.rint(exact), indexes, prices) - bits_of(jnp.asarray(found), indexes, prices)
    assert (saved > -0.01).all()


def test_a_certain_table_holds_zero_alone(tables):
    prices = Prices.of(tables)
    certain = jnp.flatnonzero(prices.certain)[:1]
    assert symbols_of(jnp.array([5.3]), certain, prices, 60.0) == 0
