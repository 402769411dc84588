"""What the kernels of a frame do: how much each reference gives, from where, and some of them.

A pixel's kernel is an outer product, so its moments are those of two vectors. Strip by strip, since
those of a whole frame are too many (kernel_strips.py).
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.kernel_strips import Heads, Strips
from kbvc_jax.models.codecs.panels import Flow, Image, Kernels, Panel, Share

NAMES = ("previous", "following", "interpolated")  # references
PLACES = 3  # rows and columns of pixels whose kernels are shown
ROWS = 8  # of features, a strip


def kernel_pictures(
    heads: Heads, features: Float[Array, "b fh fw n"], references: Float[Array, "b r h w 3"]
) -> dict[str, Panel]:
    """A reference after the other."""
    share, centre = moments(heads, features)
    some, shown = _some(heads, features), {}
    for r, name in enumerate(NAMES[: references.shape[1]]):
        shown |= {
            f"{name} reference": Image(references[:, r]),
            f"{name}: share": Share(share[:, r]),
            f"{name}: displacement": Flow(centre[:, r]),
            f"{name}: kernels of {PLACES}x{PLACES} pixels": Kernels(some[:, :, :, r]),
        }
    return shown


def moments(
    heads: Heads, features: Float[Array, "b fh fw n"]
) -> tuple[Float[Array, "b r h w"], Float[Array, "b r h w 2"]]:
    """The sum of each kernel, and how far from its middle the centre of its magnitudes is."""
    rows = features.shape[1]
    strips = Strips(rows, ROWS, -(-rows // ROWS))
    padded = strips.pad_features(features)
    offset = jnp.arange(heads.taps) - heads.taps // 2

    def strip(first: Int[Array, ""]) -> tuple[Array, Array]:
        both = strips.kernels(heads, padded, first)
        share = both[0].sum(-1) * both[1].sum(-1)
        down, across = ((jnp.abs(k) @ offset) / jnp.maximum(jnp.abs(k).sum(-1), 1e-6) for k in both)
        return share, jnp.stack([across, down], -1)

    def whole(parts: Float[Array, "n b r s w *c"]) -> Float[Array, "b r h w *c"]:
        return jnp.concatenate(list(parts), 2)[:, :, : 2 * rows]

    share, centre = lax.map(strip, ROWS * jnp.arange(strips.count))
    return whole(share), whole(centre)


def _some(heads: Heads, features: Float[Array, "b fh fw n"]) -> Float[Array, "b y x r k k"]:
    """Of pixels in the middles of PLACES x PLACES equal parts."""
    rows, columns = features.shape[1:3]
    strips = Strips(rows, 1, rows)
    padded = strips.pad_features(features)
    y, x = (((2 * jnp.arange(PLACES) + 1) * length) // (2 * PLACES) for length in (rows, columns))

    def row(first: Int[Array, ""]) -> Float[Array, "b x r k k"]:
        vertical, horizontal = (
            jnp.moveaxis(k[:, :, 0, 2 * x], 2, 1) for k in strips.kernels(heads, padded, first)
        )
        return vertical[..., :, None] * horizontal[..., None, :]

    return jnp.moveaxis(lax.map(row, y), 0, 1)
