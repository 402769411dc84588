"""Kernel heads and synthesis strip by strip: the kernels of a whole frame are never in memory.

A 1080p frame has 386 million kernel taps. A strip of rows is computed from features with a margin,
so that the result is that of the whole frame.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from kbvc_jax.ops.synthesis import pad_references, synthesise, synthesise_padded

MARGIN = 3  # rows of features that a kernel sees on each side: three 3x3 convolutions
# Pixels whose kernels are in memory at once: 0.3 GB for the paper's network on a processor.
STRIP_PIXELS = {"cpu": 2**18, "gpu": 2**22, "tpu": 2**22}


@runtime_checkable
class Heads(Protocol):
    """What kernel.py has; both return vertical and horizontal kernels, (b, r, h, w, taps)."""

    taps: int

    def kernels(self, features: Float[Array, "b fh fw n"]) -> tuple[Array, Array]: ...

    def strip_kernels(
        self, features: Float[Array, "b m w n"], row: Int[Array, "m"], rows: int
    ) -> tuple[Array, Array]: ...


def synthesise_in_strips(
    heads: Heads,
    features: Float[Array, "b fh fw n"],
    references: Float[Array, "b r h w 3"],
    pixels: int | None = None,
) -> Float[Array, "b h w 3"]:
    """Equation 1; without `pixels`, in strips as large as suits this backend."""
    batch, rows, columns = features.shape[:3]
    if pixels is None:
        pixels = STRIP_PIXELS.get(jax.default_backend(), STRIP_PIXELS["gpu"]) // batch
    strips = Strips.of(rows, columns, pixels)
    if strips.count == 1:
        return synthesise(references, *heads.kernels(features))
    padded = strips.pad_features(features), strips.pad_references(references, heads.taps)

    def strip(first: Int[Array, ""]) -> Float[Array, "b s w 3"]:
        return strips.synthesise(heads, *padded, first)

    parts = lax.map(strip, strips.height * jnp.arange(strips.count))
    return jnp.concatenate(list(parts), 1)[:, : 2 * rows]


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

    def kernels(
        self, heads: Heads, features: Float[Array, "b ph fw n"], first: Array | int
    ) -> tuple[Array, Array]:
        seen = lax.dynamic_slice_in_dim(features, first, self.height + 2 * MARGIN, 1)
        row = first - MARGIN + jnp.arange(self.height + 2 * MARGIN)
        return heads.strip_kernels(seen, row, self.rows)

    def synthesise(
        self,
        heads: Heads,
        features: Float[Array, "b ph fw n"],
        references: Float[Array, "b r rh rw c"],
        first: Array | int,
    ) -> Float[Array, "b s w c"]:
        """The strip whose first feature row is `first`, from padded features and references."""
        kernels = self.kernels(heads, features, first)
        reach = 2 * self.height + kernels[0].shape[-1] - 1
        return synthesise_padded(
            lax.dynamic_slice_in_dim(references, 2 * first, reach, 2), *kernels
        )
