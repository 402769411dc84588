"""The interactive dual-branch motion auto-encoder and its entropy model.

v_f, what it leaves --- encoder ---+          +--- decoder --- v_f, confidence
                              interaction   ...
v_b, what it leaves --- encoder ---+          +--- decoder --- v_b, confidence

Motion is of cells of 8x8 pixels, its latent m of 16x16. Beside each network a linear path, at first
alone: four vectors as their Haar transform.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.codecs.around_hyperprior import LatentNetwork
from kbvc_jax.models.codecs.contract import Choose
from kbvc_jax.models.codecs.motion.estimation import CELL, cells
from kbvc_jax.models.codecs.motion.interaction import Interaction
from kbvc_jax.models.codecs.motion.segments import mean_in_parts
from kbvc_jax.models.config import CodecConfig, ModelConfig, MotionConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution, TransposedConvolution, rectify
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth
from kbvc_jax.ops.resize import upsample2
from kbvc_jax.ops.warp import warp

DIRECTIONS = 2
UNIT = 4.0  # pixels of motion that count as 1
SEEN = 2 + 1 + 1  # channels of an encoder: motion, what it leaves, how much there is to see
OUT = 2 + 1  # of a decoder: motion, confidence
HAAR = 0.5 * np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])


class Moved(NamedTuple):
    """Both references where the frame has them, and their mixture."""

    sides: Float[Array, "2 b h w 3"]
    blend: Float[Array, "b h w 3"]
    flows: Float[Array, "2 b h w 2"]  # in pixels
    share: Float[Array, "b h w 1"]  # of the first side


class Branch(nnx.Module):
    """One direction; both ways."""

    def __init__(self, config: MotionConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        c, d = config.channels, config.hidden_channels
        parts = {"dtype": dtype, "rngs": rngs}
        self.see = Convolution(SEEN, d, 3, **parts)
        self.shrink = Convolution(d, d, 5, stride=2, **parts)
        self.tell = Convolution(d, c, 3, gain=0.01, **parts)
        self.linear = Convolution(4 * 2, c, 1, **parts)
        self.hear = Convolution(c, d, 3, **parts)
        self.grow = TransposedConvolution(d, d, 5, **parts)
        self.show = Convolution(d, OUT, 3, gain=0.01, **parts)
        self.inverse = Convolution(c, 4 * 2, 1, **parts)
        haar = np.zeros((8, c), np.float32)
        for axis in range(2):  # four channels of x, then of y, the mean first
            haar[axis::2, 4 * axis : 4 * axis + 4] = HAAR.T
        self.linear.kernel[...] = jnp.asarray(haar)[None, None]
        self.inverse.kernel[...] = jnp.asarray(haar.T)[None, None]


class MotionNetwork(LatentNetwork):
    LEVELS = range(0, 1)

    def __init__(self, config: ModelConfig, own: MotionConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        both = CodecConfig(latent_channels=2 * own.channels, hyper_channels=own.hyper_channels)
        super().__init__(config, both, self.LEVELS, dtype, rngs)
        self.config = own
        # From the first step on means cost the motion of four cells, and differences a quarter;
        # what the networks add begins as nothing.
        spread_of = jnp.full(own.channels, -6.0).at[:8].set(-2.0).at[jnp.array([0, 4])].set(0.0)
        told, scale = (
            stack.layers[-1]
            for stack in (self.hyperprior.mean_decoder, self.hyperprior.scale_decoder)
        )
        told.kernel[...], scale.kernel[...] = 0.01 * told.kernel[...], 0.1 * scale.kernel[...]
        scale.bias[...] = jnp.tile(spread_of, 2)
        self.branches = nnx.List([Branch(own, dtype, rngs) for _ in "fb"])
        d = own.hidden_channels
        meet = own.interaction
        self.telling = Interaction(d, dtype, rngs) if meet else None
        self.hearing = Interaction(d, dtype, rngs) if meet else None
        steps = DIRECTIONS * own.segments if own.segments > 1 else 0
        self.first = nnx.List(
            [Convolution(4 * own.channels, d, 3, dtype=dtype, rngs=rngs) for _ in range(steps)]
        )
        self.last = nnx.List(
            [
                Convolution(d, own.channels, 1, gain=0.01, dtype=dtype, rngs=rngs)
                for _ in range(steps)
            ]
        )

    def analyse(
        self,
        frame: Float[Array, "b h w 3"],
        sides: Float[Array, "2 b h w 3"],
        observed: Float[Array, "b 2 mh mw 2"],
        rate: Rate,
    ) -> Float[Array, "b lh lw m"]:
        motion = jnp.moveaxis(observed, 1, 0)
        texture = cells(jnp.abs(frame - _smooth(frame)).mean(-1, keepdims=True))
        missing = jnp.abs(_moved(sides, spread(motion)) - frame).mean(-1, keepdims=True)
        hidden, straight = [], []
        for branch, flow, left in zip(self.branches, motion, missing, strict=True):
            seen = jnp.concatenate([flow / UNIT, 10 * cells(left), 10 * texture], -1)
            hidden.append(rectify(branch.shrink(rectify(branch.see(seen)))))
            straight.append(branch.linear(space_to_depth(flow / UNIT, 2)))
        if self.telling is not None:
            hidden = self.telling(*hidden)
        told = [
            s + branch.tell(x) for s, branch, x in zip(straight, self.branches, hidden, strict=True)
        ]
        return self.scale_latent(jnp.concatenate(told, -1), rate)

    def mean(
        self, z: Float[Array, "b zh zw c"], height: int, width: int, choose: Choose
    ) -> Float[Array, "b lh lw m"]:
        """Of both directions' latents, segment by segment: each from its own and the other's so
        far. `choose` adds what is coded."""
        base = self.hyperprior.mean(z, height, width)
        if not len(self.first):
            return base

        def refine(step: int, known: Float[Array, "b lh lw m"]) -> Float[Array, "b lh lw c"]:
            told = jnp.concatenate([base, known], -1)
            return self.last[step](rectify(self.first[step](told)))

        return mean_in_parts(base, DIRECTIONS, self.config.segments, refine, choose)

    def synthesise(
        self, latent: Float[Array, "b lh lw m"], sides: Float[Array, "2 b h w 3"], rate: Rate
    ) -> Moved:
        halves = jnp.split(self.unscale_latent(latent, rate), 2, -1)
        pairs = list(zip(self.branches, halves, strict=True))
        hidden = [rectify(branch.hear(half)) for branch, half in pairs]
        if self.hearing is not None:
            hidden = self.hearing(*hidden)
        motion, confidence = [], []
        for (branch, half), x in zip(pairs, hidden, strict=True):
            out = branch.show(rectify(branch.grow(x))).astype(jnp.float32)
            motion.append(depth_to_space(branch.inverse(half), 2).astype(jnp.float32))
            motion[-1] += out[..., :2]
            confidence.append(out[..., 2:])
        flows = spread(UNIT * jnp.stack(motion))
        moved = _moved(sides, flows)
        ahead = self.config.weighted * (confidence[0] - confidence[1])
        share = spread(jax.nn.sigmoid(ahead))
        return Moved(moved, share * moved[0] + (1 - share) * moved[1], flows, share)


def spread(x: Float[Array, "*s mh mw c"]) -> Float[Array, "*s h w c"]:
    """From cells to pixels."""
    flat = x.reshape(-1, *x.shape[-3:])
    for _ in range(CELL.bit_length() - 1):
        flat = upsample2(flat)
    return flat.reshape(*x.shape[:-3], *flat.shape[1:])


def _moved(
    sides: Float[Array, "s b h w 3"], flows: Float[Array, "s b h w 2"]
) -> Float[Array, "s b h w 3"]:
    flat = (x.reshape(-1, *x.shape[2:]) for x in (sides, flows))
    return warp(*flat).reshape(sides.shape)


def _smooth(frame: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
    return cells(frame).repeat(CELL, 1).repeat(CELL, 2)
