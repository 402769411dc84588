"""Overlapped block motion compensation (Orchard and Sullivan 1994)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from kbvc_jax.ops.edges import widened


def compensate(
    image: Float[Array, "b h w c"], motion: Float[Array, "b mh mw 2"]
) -> Float[Array, "b h w c"]:
    """The image where `motion` (x, y), in pixels, of each of its cells says, by blocks of twice
    their size, more of each towards its middle. Beyond its border is what is at it."""
    h, w, c = image.shape[1:]
    cell = h // motion.shape[1]
    half = cell // 2
    block = 2 * cell
    room = block + 1
    padded = widened(image, room)

    # Where blocks begin, in the padded image; all that is further out looks the same.
    x = jnp.arange(0, w, cell) - half + motion[..., 0]
    y = jnp.arange(0, h, cell)[:, None] - half + motion[..., 1]
    x, y = jnp.clip(x + room, 0, w + room - 1), jnp.clip(y + room, 0, h + room - 1)
    left, top = jnp.floor(x), jnp.floor(y)
    x_share, y_share = (share[..., None, None, None] for share in (x - left, y - top))

    def cut(image: Float[Array, "ph pw c"], top: Array, left: Array) -> Float[Array, "k k c"]:
        return jax.lax.dynamic_slice(image, (top, left, 0), (block + 1, block + 1, c))

    of_row = jax.vmap(cut, (None, 0, 0))
    of_frame = jax.vmap(jax.vmap(of_row, (None, 0, 0)))
    whole = (place.astype(jnp.int32) for place in (top, left))
    seen = of_frame(padded, *whole)
    upper, lower = seen[..., :-1, :, :], seen[..., 1:, :, :]
    seen = upper + y_share * (lower - upper)
    before, after = seen[..., :-1, :], seen[..., 1:, :]
    seen = before + x_share * (after - before)
    return _mixed(seen * _window(cell)[..., None], h, w)


def _window(cell: int) -> Float[np.ndarray, "k k"]:
    """Those of neighbours add up to one."""
    rise = (np.arange(cell) + 0.5) / cell
    side = np.concatenate([rise, rise[::-1]])
    return np.outer(side, side).astype(np.float32)


def _mixed(
    blocks: Float[Array, "b mh mw k k c"], height: int, width: int
) -> Float[Array, "b h w c"]:
    """Blocks that begin half a cell before theirs, added up."""
    b, rows, columns, block, _, c = blocks.shape
    cell, half = block // 2, block // 4

    def laid(blocks: Array, across: int) -> Array:
        """Along an axis of cells and the one of their samples, two cells each."""
        first, second = jnp.split(blocks, 2, across + 2)
        room = [(0, 0)] * blocks.ndim
        room[across] = (0, 1)
        ahead = jnp.pad(first, room)
        room[across] = (1, 0)
        return ahead + jnp.pad(second, room)

    tall = laid(laid(blocks, 1), 2)
    image = jnp.moveaxis(tall, 3, 2).reshape(b, (rows + 1) * cell, (columns + 1) * cell, c)
    shares = [_border(size, cell) for size in (height, width)]
    image = image[:, half : half + height, half : half + width]
    return image / np.outer(*shares).astype(np.float32)[..., None]


def _border(size: int, cell: int) -> Float[np.ndarray, "n"]:
    """What windows come to along an axis: at its ends there is but one."""
    rise, share = (np.arange(cell // 2) + 0.5 + cell // 2) / cell, np.ones(size)
    share[: cell // 2], share[size - cell // 2 :] = rise, rise[::-1]
    return share
