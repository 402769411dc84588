"""A model as a pure function of its parameters (models/parameters.py)."""

import jax
import numpy as np

from kbvc_jax.models.parameters import split
from tests.tiny import tiny_model


def test_models_of_one_configuration_share_what_is_compiled():
    (one, parameters), (other, others) = split(tiny_model(1)), split(tiny_model(2))
    assert one == other and hash(one) == hash(other)
    traced = []

    def step(skeleton, parameters):
        traced.append(skeleton)
        return skeleton.model(parameters).image.decoder.layers[0].kernel[...]

    step = jax.jit(step, static_argnums=0)
    expected = tiny_model(2).image.decoder.layers[0].kernel[...]
    assert not np.array_equal(step(one, parameters), expected)
    np.testing.assert_array_equal(step(other, others), expected)
    assert len(traced) == 1


def test_each_parameter_is_called_by_its_place_in_the_model():
    model = tiny_model(1)
    skeleton, parameters = split(model)
    kernel = parameters["image.decoder.layers.0.kernel"]
    np.testing.assert_array_equal(kernel, model.image.decoder.layers[0].kernel[...])
    moved = skeleton.model(parameters | {"image.decoder.layers.0.kernel": kernel + 1})
    np.testing.assert_array_equal(moved.image.decoder.layers[0].kernel[...], kernel + 1)
    assert split(moved)[1].keys() == parameters.keys()
