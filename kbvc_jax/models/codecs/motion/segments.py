"""Which part of a latent is coded when: each position of a later part has neighbours in earlier."""

import jax.numpy as jnp
from jaxtyping import Array, Int


def parts(
    height: int, width: int, channels: int, count: int, *, mixed: bool = False
) -> Int[Array, "h w c"]:
    """The number of the part, of 1, 2 or 4, that a symbol belongs to. `mixed`: in each part every
    position has a share of the channels."""
    row, column = jnp.arange(height)[:, None], jnp.arange(width)
    if count == 1:
        place = jnp.zeros((height, width), jnp.int32)
    elif count == 2:
        place = (row + column) % 2
    else:
        place = 2 * (row % 2) + (row + column) % 2
    share = jnp.arange(channels) * count // channels if mixed else jnp.zeros(channels, jnp.int32)
    return (place[..., None] + share) % count
