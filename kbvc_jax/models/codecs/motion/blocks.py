"""Motion that is sent as it is, of cells, and what of references it shows.

vectors --- each reference, moved as blocks that overlap --- each block both or one --- blend

The motion to a second reference is told by what it differs from the first one's, mirrored.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

from kbvc_jax.models.codecs.contract import BLOCK, Latent, Size
from kbvc_jax.models.codecs.modes import settled
from kbvc_jax.models.codecs.motion.estimation import CELL
from kbvc_jax.models.codecs.motion.search import STEPS_A_PIXEL
from kbvc_jax.ops.additions import block_sum
from kbvc_jax.ops.overlap import compensate

MOTION, SHOWN = "motion", "shown"
SHARES = (0.5, 1.0, 0.0)  # of the first reference, by what a block shows
SHOWN_COUNTS = (128, 32, 32)  # how often each counts as seen at first


def motion_latent(size: Size, references: int) -> Latent:
    height, width = (blocks * BLOCK // CELL for blocks in size.blocks)
    return Latent(MOTION, (height, width, 2 * references), vectors=True)


def shown_latent(size: Size) -> Latent:
    return Latent(SHOWN, size.blocks, counts=SHOWN_COUNTS)


def flows(motion: Float[Array, "b mh mw c"]) -> list[Float[Array, "b mh mw 2"]]:
    """In pixels, to each reference."""
    first, *differs = jnp.split(
        lax.stop_gradient(motion) / STEPS_A_PIXEL, motion.shape[-1] // 2, -1
    )
    return [first, *(other - first for other in differs)]


def moved(
    references: Float[Array, "s b h w 3"], motion: Float[Array, "b mh mw c"]
) -> Float[Array, "s b h w 3"]:
    pairs = zip(references, flows(motion), strict=True)
    return jnp.stack([compensate(reference, flow) for reference, flow in pairs])


def share(shown: Float[Array, "b lh lw"]) -> Float[Array, "b h w 1"]:
    """Of the first reference in what is shown."""
    of_blocks = jnp.array(SHARES)[shown.astype(jnp.int32)]
    return of_blocks.repeat(BLOCK, 1).repeat(BLOCK, 2)[..., None]


def blend(
    sides: Float[Array, "2 b h w 3"], shown: Float[Array, "b lh lw"]
) -> Float[Array, "b h w 3"]:
    """Of both, moved."""
    first = share(shown)
    return first * sides[0] + (1 - first) * sides[1]


def choose_shown(
    frame: Float[Array, "b h w 3"],
    sides: Float[Array, "2 b h w 3"],
    error_weight: Float[Array, "b"],
) -> Integer[Array, "b lh lw"]:
    """What is nearest to the frame, by bits that a squared error of 1 is worth."""
    each = jnp.stack([part * sides[0] + (1 - part) * sides[1] for part in SHARES], -1)
    errors = block_sum(jnp.square(each - frame[..., None]).sum(-2), BLOCK)
    return settled(error_weight[:, None, None, None] * errors)
