"""Which part of a latent is coded when: each position of a later part has neighbours in earlier."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.contract import Choose

# The number of a step, and all that is coded so far, to what that adds to one direction's means.
Refine = Callable[[int, Float[Array, "b h w m"]], Float[Array, "b h w c"]]


def mean_in_parts(
    base: Float[Array, "b h w m"],
    directions: int,
    segments: int,
    refine: Refine,
    choose: Choose,
    *,
    mixed: bool = False,
) -> Float[Array, "b h w m"]:
    """Of each part as the parts before it tell; directions, each with its own channels, take turns.
    `choose` says what is coded."""
    _, height, width, channels = base.shape
    place = parts(height, width, channels // directions, segments, mixed=mixed)
    mean, known = base, jnp.zeros_like(base)
    for step in range(directions * segments):
        segment, direction = divmod(step, directions)
        own = jnp.arange(channels) // (channels // directions) == direction
        here = (jnp.tile(place, directions) == segment) & own
        refined = refine(step, known).astype(jnp.float32)
        mean = jnp.where(here, base + jnp.tile(refined, directions), mean)
        known = jnp.where(here, mean + choose(mean), known)
    return mean


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
