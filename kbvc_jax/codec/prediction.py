"""Latents predicted in time: by the image codec, block by block, from what is known of the frame.

A mode says of each position of the latent what its mean is:
    0                 what z tells, as in an I-frame;
    1 + 3 p + c       that of predictor p there; no table above CAPS[c] is used, since what is known
                      already is not worth z's scale.
The one predictor of a P-frame is the I- or P-frame before it. A B-frame has three. The first is
foreseen: the mean of the nearest frames on both sides that have latents, so that what stands still
is copied, plus what moves, by what the interpolated frame's latent differs from that of their mean,
about. Then either of them alone, for what the other does not show. Where nothing needs a new z, the
one before's is kept.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from kbvc_jax.ops.densities import SCALES

CAPS = (0, 16, 63)  # of 64 tables; that of index 0 makes its symbol certain
PREDICTORS = 3  # at most
# How often each mode counts as seen at first: most are copies of the first predictor.
MODE_COUNTS = (16, 64, 4, 4, 8, 2, 2, 8, 2, 2)
KEPT_COUNTS = (2, 2)


def predict(
    mean: Float[Array, "b lh lw m"],
    indexes: Integer[Array, "b lh lw m"],
    predictors: Float[Array, "p b lh lw m"],
    modes: Integer[Array, "b lh lw"],
) -> tuple[Float[Array, "b lh lw m"], Integer[Array, "b lh lw m"]]:
    """Means and tables under the given modes."""
    caps = jnp.array((SCALES - 1, *CAPS * PREDICTORS), indexes.dtype)[modes]
    which = jnp.maximum(modes - 1, 0) // len(CAPS)
    predicted = jnp.take_along_axis(predictors, which[None, ..., None], 0)[0]
    mean = jnp.where(modes[..., None] > 0, predicted, mean)
    return mean, jnp.minimum(indexes, caps[..., None])
