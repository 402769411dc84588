"""A narrower codec's weights inside a wider one, which at first returns the same pictures.

The first channels are the known ones. New channels begin as in the wider model's own start, and
no known channel listens to them yet.
"""

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.parameters import INTERPOLATOR

KERNEL_AXES = 4  # rows, columns, inputs, outputs


def fits(name: str, narrow: Array, wide: Array, source: ModelConfig, target: ModelConfig) -> bool:
    """Whether one array is a corner of the other, channel by channel.

    The taps of kernels lie around a centre, and the interpolator's side channels are its last.
    """
    if name.startswith(INTERPOLATOR) or source.kernel_size != target.kernel_size:
        return narrow.shape == wide.shape
    if narrow.ndim == wide.ndim == KERNEL_AXES and narrow.shape[:2] != wide.shape[:2]:
        return False
    same_axes = narrow.ndim == wide.ndim
    return same_axes and all(n <= w for n, w in zip(narrow.shape, wide.shape, strict=True))


def widen(narrow: Shaped[Array, "..."], wide: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    if narrow.ndim == KERNEL_AXES:
        inputs, outputs = narrow.shape[2:]
        wide = wide.at[:, :, inputs:, :outputs].set(0)
    corner = tuple(slice(size) for size in narrow.shape)
    return jnp.asarray(wide).at[corner].set(narrow)
