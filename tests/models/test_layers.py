"""The first weights of a kernel."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tiny import TINY

from kbvc_jax.models.kbvc import Kbvc, first_weights
from kbvc_jax.models.layers import DrawnAtOnce, NothingDrawn, drawn

SHAPE = (5, 5, 16, 32)


@pytest.mark.parametrize(
    "begun",
    [lambda: DrawnAtOnce(jax.random.key(1), 20_000), lambda: nnx.Rngs(1)],
    ids=["once", "each"],
)
def test_weights_have_the_deviation_that_keeps_what_passes_as_large(begun):
    found = np.asarray(drawn(SHAPE, 2.0, begun()))
    wanted = math.sqrt(2 / (5 * 5 * 16))
    assert found.std() == pytest.approx(wanted, rel=0.03)
    assert abs(found).max() < 2 / 0.879 * wanted  # of a normal distribution two deviations


def test_each_kernel_has_numbers_of_its_own_and_none_is_beyond_those_drawn():
    size = math.prod(SHAPE)
    rngs = DrawnAtOnce(jax.random.key(1), 2 * size)
    first, second = drawn(SHAPE, 2.0, rngs), drawn(SHAPE, 2.0, rngs)
    assert jnp.isin(first, second).mean() < 0.01  # by chance alone
    with pytest.raises(TypeError, match="reshape"):
        drawn((1, 1, 1, 1), 2.0, rngs)


def test_a_model_draws_all_of_its_kernels_and_where_shapes_count_none():
    kernels = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(nnx.state(_fresh()))
        if "kernel" in str(path) and leaf.size > 20
    ]
    assert len(kernels) > 20
    numbers = np.concatenate([np.ravel(leaf)[:20] for leaf in kernels])
    assert np.unique(numbers[numbers != 0]).size == np.count_nonzero(numbers)
    assert not np.any(drawn(SHAPE, 2.0, NothingDrawn()))


def _fresh() -> Kbvc:
    graph = nnx.graphdef(nnx.eval_shape(lambda: Kbvc(TINY)))
    made = jax.jit(lambda key: nnx.state(Kbvc(TINY, first_weights(TINY, key))))
    return nnx.merge(graph, made(jax.random.key(0)))
