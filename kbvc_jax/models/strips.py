"""Kernel heads and synthesis strip by strip: the kernels of a whole frame are never in memory.

A 1080p frame has 386 million kernel taps. A strip of rows is computed from features with a margin,
so that the result is that of the whole frame.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from kbvc_jax.models.frame_codec import MARGIN, FrameCodec
from kbvc_jax.ops.synthesis import pad_references, synthesise_padded


class Strips(NamedTuple):
    """`count` strips of `height` feature rows cover a frame of `rows`."""

    rows: int
    height: int
    count: int

    @classmethod
    def of(cls, rows: int, columns: int, pixels: int) -> "Strips":
        """As few as keep a strip to about `pixels` of the frame, all of one height."""
        count = max(1, -(-4 * rows * columns // pixels))
        height = -(-rows // count)
        return cls(rows, height, -(-rows // height))

    @property
    def beyond(self) -> int:
        return self.count * self.height - self.rows

    def pad_features(self, features: Float[Array, "b fh fw n"]) -> Float[Array, "b ph fw n"]:
        return jnp.pad(features, ((0, 0), (MARGIN, MARGIN + self.beyond), (0, 0), (0, 0)))

    def pad_references(
        self, references: Float[Array, "b r h w c"], taps: int
    ) -> Float[Array, "b r ph pw c"]:
        below = ((0, 0), (0, 0), (0, 2 * self.beyond), (0, 0), (0, 0))
        return jnp.pad(pad_references(references, taps), below)

    def synthesise(
        self,
        codec: FrameCodec,
        features: Float[Array, "b ph fw n"],
        references: Float[Array, "b r rh rw c"],
        first: Array | int,
    ) -> Float[Array, "b s w c"]:
        """The strip whose first feature row is `first`, from padded features and references."""
        seen = lax.dynamic_slice_in_dim(features, first, self.height + 2 * MARGIN, 1)
        row = first - MARGIN + jnp.arange(self.height + 2 * MARGIN)
        kernels = codec.strip_kernels(seen, row, self.rows)
        reach = 2 * self.height + kernels[0].shape[-1] - 1
        return synthesise_padded(
            lax.dynamic_slice_in_dim(references, 2 * first, reach, 2), *kernels
        )
