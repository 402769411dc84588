"""What is shown of kernels, beside the kernels of all pixels."""

import jax.numpy as jnp
import numpy as np
from tiny import TINY, tiny_model

from kbvc_jax.models.codecs.kernel_pictures import PLACES, kernel_pictures, moments

RNG = np.random.default_rng(2)


def test_shares_and_displacements_are_those_of_the_kernels():
    network = tiny_model(1).frame
    features = jnp.asarray(RNG.random((2, 19, 8, TINY.frame.hidden_channels[0])), jnp.float32)
    vertical, horizontal = (np.asarray(k, np.float64) for k in network.kernels(features))
    kernels = vertical[..., :, None] * horizontal[..., None, :]
    share, centre = moments(network, features)
    np.testing.assert_allclose(share, kernels.sum((-1, -2)), atol=1e-4)
    size = np.abs(kernels)
    offset = np.arange(network.taps) - network.taps // 2
    down = (size * offset[:, None]).sum((-1, -2)) / size.sum((-1, -2))
    across = (size * offset).sum((-1, -2)) / size.sum((-1, -2))
    np.testing.assert_allclose(centre, np.stack([across, down], -1), atol=1e-3)


def test_the_kernels_shown_are_those_of_their_pixels():
    network = tiny_model(1).frame
    features = jnp.asarray(RNG.random((1, 9, 12, TINY.frame.hidden_channels[0])), jnp.float32)
    vertical, horizontal = network.kernels(features)
    kernels = vertical[..., :, None] * horizontal[..., None, :]
    references = jnp.zeros((1, 3, 18, 24, 3))
    shown = kernel_pictures(network, features, references)
    taps = shown[f"following: kernels of {PLACES}x{PLACES} pixels"].taps
    wanted = kernels[:, 1, 2:18:6, 4:24:8]  # the first pixels of features 1, 4, 7 and 2, 6, 10
    np.testing.assert_allclose(taps, wanted, rtol=1e-4, atol=1e-5)
