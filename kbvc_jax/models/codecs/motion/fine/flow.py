"""Where a frame's content lies in a reference: a pyramid of flows (SpyNet, Ranjan and Black 2017),
learnt without labels. For the encoder alone.

frame, reference at 1/32 --- flow --- x2 --- at 1/16: frame, warped reference, flow --- finer ...
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.motion.fine.blocks import halved, joined
from kbvc_jax.models.layers import Convolution, Stack
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import warp

LEVELS = 5  # 1/32 to 1/2


class FlowNetwork(nnx.Module):
    def __init__(self, channels: tuple[int, ...], dtype: DTypeLike, rngs: nnx.Rngs):
        widths = 3 + 3 + 2, *channels, 2
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.levels = nnx.List(
            [
                Stack(
                    *(
                        Convolution(i, o, 7, gain=0.1 if o == 2 else 2.0, dtype=dtype, rngs=rngs)
                        for i, o in pairs
                    ),
                    activation=jax.nn.relu,
                )
                for _ in range(LEVELS)
            ]
        )

    def __call__(
        self, frame: Float[Array, "b h w 3"], reference: Float[Array, "b h w 3"]
    ) -> Float[Array, "b h w 2"]:
        """In pixels."""
        _, height, width, _ = frame.shape
        pair = [pad_to_multiple(x, 2**LEVELS) - 0.5 for x in (frame, reference)]
        pyramid = [[halved(x, level) for x in pair] for level in range(1, LEVELS + 1)]
        flow = jnp.zeros((*pyramid[-1][0].shape[:3], 2))
        for depth, (network, (own, other)) in enumerate(
            zip(self.levels, reversed(pyramid), strict=True)
        ):
            if depth:
                flow = 2 * upsample2(flow)
            flow += network(joined(own, warp(other, flow), flow)).astype(jnp.float32)
        return crop(2 * upsample2(flow), height, width)
