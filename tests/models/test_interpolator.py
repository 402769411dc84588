import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from kbvc_jax.models.config import InterpolatorConfig
from kbvc_jax.models.interpolator import Interpolator
from tests.tiny import TINY


def interpolator(config: InterpolatorConfig) -> Interpolator:
    """Untrained: its flows are about zero."""
    return Interpolator(config, jnp.float32, nnx.Rngs(3))


def squared_error(config: InterpolatorConfig, previous, middle, following) -> float:
    return float(jnp.square(interpolator(config)(previous, following) - middle).mean())


@pytest.mark.heavy
def test_matching_finds_what_a_network_has_not_learnt():
    world = np.kron(np.random.default_rng(2).random((24, 24, 3)), np.ones((8, 8, 1)))
    previous, middle, following = (
        jnp.asarray(world[None, 32:160, first : first + 128], jnp.float32) for first in (40, 32, 24)
    )
    plain = dataclasses.replace(TINY.interpolator, matched=False)
    matched = dataclasses.replace(TINY.interpolator, matched=True)
    without = squared_error(plain, previous, middle, following)
    assert squared_error(matched, previous, middle, following) < without / 2


@pytest.mark.heavy
def test_where_nothing_moves_matching_changes_nothing():
    frame = jnp.asarray(np.random.default_rng(2).random((1, 32, 48, 3)), jnp.float32)
    plain = interpolator(dataclasses.replace(TINY.interpolator, matched=False))
    matched = interpolator(dataclasses.replace(TINY.interpolator, matched=True))
    np.testing.assert_array_equal(matched(frame, frame), plain(frame, frame))


def test_the_papers_interpolator_does_not_match():
    assert not InterpolatorConfig().matched
