"""What coded frames cost: bits, and squared errors at the price that their quality has."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.payload import Coded
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.rate import Quality


class Cost:
    """Of the frames of a batch. Who asks waits for the device; who does not, does not."""

    def __init__(
        self,
        network: EncoderNetwork,
        coded: Coded,
        pictures: Sequence[Picture],
        sources: UInt[Array, "b h w 3"],
    ):
        self._network, self._coded = network, coded
        decoded = jnp.stack([picture.frame for picture in pictures])
        self._errors = _squared_error(decoded, sources)

    @functools.cached_property
    def bits(self) -> Mapping[str, Float[np.ndarray, "b"]]:
        """Of each latent, as the tables price it."""
        return self._network.bits(self._coded)

    @functools.cached_property
    def errors(self) -> Float[np.ndarray, "b"]:
        """Squared and summed over a frame's samples."""
        return np.asarray(self._errors, np.float64)

    def total(self, quality: Quality) -> Float[np.ndarray, "b"]:
        """Bits + lambda x 255^2 x squared error, summed over a frame's pixels."""
        bits = np.asarray(sum(self.bits.values()))
        return bits + self._network.error_weight(quality) * self.errors


@jax.jit
def _squared_error(
    decoded: UInt[Array, "b h w 3"], sources: UInt[Array, "b h w 3"]
) -> Float[Array, "b"]:
    return jnp.square(decoded.astype(jnp.float32) - sources).sum((1, 2, 3))
