"""Convolutions in the forms that XLA runs fast, with explicit padding.

'SAME' padding at stride 2 aligns differently for odd and even sizes; these never do.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Num

from kbvc_jax.ops.edges import widened


def conv(
    x: Num[Array, "b h w i"], kernel: Num[Array, "k k i o"], bias: Num[Array, "o"], stride: int = 1
) -> Num[Array, "b oh ow o"]:
    """Zero padding of (k - 1) / 2 on every side."""
    edge = (kernel.shape[0] - 1) // 2
    out = lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(edge, edge)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        preferred_element_type=bias.dtype,
    )
    return out + bias


def transposed_conv(
    x: Num[Array, "b h w i"], kernel: Num[Array, "k k i o"], bias: Num[Array, "o"]
) -> Num[Array, "b 2*h 2*w o"]:
    """Doubles the resolution, with a kernel of 5x5 or 4x4.

    Output sample p receives input sample q by tap p - 2q + edge, edge being 2 or 1. Run as a 3x3
    convolution to four times the channels, one set for each output phase, and depth-to-space.
    """
    b, h, w, _ = x.shape
    out = conv(x, phase_kernel(kernel), jnp.tile(bias, 4))
    return depth_to_space(out)


def phase_kernel(kernel: Num[Array, "k k i o"]) -> Num[Array, "3 3 i 4*o"]:
    """The 3x3 kernel that gives the four output phases (even and odd rows, columns) at once.

    Padded to six, taps are two phases of three input offsets, the last offset first.
    """
    k, _, i, o = kernel.shape
    before = 2 - (k - 1) // 2
    taps = jnp.pad(kernel, ((before, 6 - k - before),) * 2 + ((0, 0),) * 2)
    taps = lax.rev(taps.reshape(3, 2, 3, 2, i, o), (0, 2))
    return taps.transpose(0, 2, 4, 1, 3, 5).reshape(3, 3, i, 4 * o)


def upsampled_conv(
    x: Num[Array, "b h w i"], kernel: Num[Array, "3 3 i o"], bias: Num[Array, "o"]
) -> Num[Array, "b 2*h 2*w o"]:
    """A 3x3 convolution of the bilinearly doubled x (`resize.upsample2`), beyond its edge the edge.

    Run at x's own size, to four times the channels: the doubled x is never in memory.
    """
    spread = jnp.asarray(_SPREAD, kernel.dtype)
    b, h, w, _ = x.shape
    i, o = kernel.shape[2:]
    phases = jnp.einsum("prs,qtu,suio->rtipqo", spread, spread, kernel).reshape(3, 3, i, 4 * o)
    out = lax.conv_general_dilated(
        widened(x, 1),
        phases,
        (1, 1),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        preferred_element_type=bias.dtype,
    )
    return depth_to_space(out + jnp.tile(bias, 4))


# How the taps of either output phase (even, odd) fall on the sample before, at and after it.
_SPREAD = (
    ((0.75, 0.25, 0), (0.25, 0.75, 0.75), (0, 0, 0.25)),
    ((0.25, 0, 0), (0.75, 0.75, 0.25), (0, 0.25, 0.75)),
)


def depth_to_space(x: Num[Array, "b h w d"], size: int = 2) -> Num[Array, "b oh ow c"]:
    """Each position becomes a block of size x size."""
    b, h, w, _ = x.shape
    x = x.reshape(b, h, w, size, size, -1)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, size * h, size * w, -1)


def space_to_depth(x: Num[Array, "b h w c"], size: int) -> Num[Array, "b oh ow d"]:
    """Each block of size x size becomes a position."""
    b, height, width, _ = x.shape
    # Row after row: a processor copies those faster than it transposes.
    rows = x.reshape(b, height // size, size, width // size, -1)
    return jnp.concatenate(jnp.unstack(rows, axis=2), -1)
