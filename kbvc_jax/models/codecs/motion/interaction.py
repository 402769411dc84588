"""The motion information interaction of both directions: each asks the other what it knows.

K, V of one and Q of the other; softmax over positions and over channels, so that the cost grows
with the positions alone (equations 1 to 4 of the paper, axes ours).
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.layers import Convolution, Depthwise


class Interaction(nnx.Module):
    """Both directions at once; the identity at first."""

    def __init__(self, channels: int, dtype: DTypeLike, rngs: nnx.Rngs, *, depthwise: bool = False):
        """`depthwise`: before Q, K, V and before the gates each position sees its neighbours."""
        self.channels = channels
        around = range(2 if depthwise else 0)
        self.seeing, self.gating = (
            nnx.List([Depthwise(channels, dtype=dtype, rngs=rngs) for _ in around])
            for _ in range(2)
        )
        self.projections = nnx.List(
            [Convolution(channels, 3 * channels, 1, gain=1.0, dtype=dtype, rngs=rngs) for _ in "fb"]
        )
        self.gates = nnx.List(
            [Convolution(channels, channels, 1, gain=1.0, dtype=dtype, rngs=rngs) for _ in "fb"]
        )
        for projection in self.projections:  # V
            kernel = projection.kernel[...]
            projection.kernel[...] = kernel.at[..., 2 * channels :].set(0.0)

    def __call__(
        self, forward: Float[Array, "b h w d"], backward: Float[Array, "b h w d"]
    ) -> tuple[Float[Array, "b h w d"], Float[Array, "b h w d"]]:
        both = forward, backward
        own = [
            self._parts(seen, p)
            for seen, p in zip(_each(self.seeing, both), self.projections, strict=True)
        ]
        queries = [query.reshape(x.shape) for x, (query, _, _) in zip(both, own, strict=True)]
        gated = _each(self.gating, queries)
        out = []
        for x, (query, _, _), (_, key, value), gate, shown in zip(
            both, own, own[::-1], self.gates, gated, strict=True
        ):
            told = jnp.einsum("bnk,bnv->bkv", jax.nn.softmax(key, 1), value)
            asked = jnp.einsum("bnk,bkv->bnv", jax.nn.softmax(query, -1), told)
            share = jax.nn.softmax(gate(shown).astype(jnp.float32), -1)
            out.append(x + self.channels * share * asked.reshape(x.shape))
        return out[0], out[1]

    def _parts(self, x: Float[Array, "b h w d"], projection: Convolution) -> list[Array]:
        """Q, K and V, positions in a row. Sums over them are in float32."""
        batch, height, width, channels = x.shape
        flat = projection(x).astype(jnp.float32).reshape(batch, height * width, 3 * channels)
        return jnp.split(flat, 3, -1)


def _each(layers: Sequence[Depthwise], both: Sequence[Array]) -> Sequence[Array]:
    if not len(layers):
        return both
    return [layer(x) for layer, x in zip(layers, both, strict=True)]
