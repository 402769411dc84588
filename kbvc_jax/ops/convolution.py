"""Convolutions in the forms that XLA runs fast, with explicit padding.

'SAME' padding at stride 2 aligns differently for odd and even sizes; these never do.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Num


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
    """The 3x3 kernel that gives the four output phases (even and odd rows, columns) at once."""
    k, _, i, o = kernel.shape
    select = jnp.asarray(_phases(k), kernel.dtype)
    # Every element is one tap or none, so that this is exact in integers, too.
    spread = jnp.einsum("yat,xcs,tsio->yxiaco", select, select, kernel)
    return spread.reshape(3, 3, i, 4 * o)


def _phases(k: int) -> np.ndarray:
    """(3, 2, k): which tap of a row joins input offset -1, 0, 1 to an output of either phase."""
    edge, select = (k - 1) // 2, np.zeros((3, 2, k))
    for offset in range(3):
        for phase in range(2):
            tap = phase + edge - 2 * (offset - 1)
            if 0 <= tap < k:
                select[offset, phase, tap] = 1
    return select


def depth_to_space(x: Num[Array, "b h w c"]) -> Num[Array, "b 2*h 2*w c//4"]:
    b, h, w, channels = x.shape
    x = x.reshape(b, h, w, 2, 2, channels // 4)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, 2 * h, 2 * w, channels // 4)
