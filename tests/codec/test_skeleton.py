import jax
import numpy as np

from kbvc_jax.codec.skeleton import split
from tests.tiny import tiny_model


def test_models_of_one_configuration_share_what_is_compiled():
    (one, arrays), (other, others) = split(tiny_model(1)), split(tiny_model(2))
    assert one == other and hash(one) == hash(other)
    traced = []

    def step(skeleton, arrays):
        traced.append(skeleton)
        return skeleton.model(arrays).image.decoder.layers[0].kernel[...]

    step = jax.jit(step, static_argnums=0)
    expected = tiny_model(2).image.decoder.layers[0].kernel[...]
    assert not np.array_equal(step(one, arrays), expected)
    np.testing.assert_array_equal(step(other, others), expected)
    assert len(traced) == 1
