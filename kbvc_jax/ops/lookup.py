"""Samples of images and entries of tables, at places that are within: checked, XLA takes longer to
compile and to run them (docs/performance.md)."""

import jax
from jax import lax
from jaxtyping import Array, Integer, Shaped

_NUMBERS = lax.GatherDimensionNumbers((2, 3, 4), (), (0, 1))


def blocks(
    image: Shaped[Array, "b h w c"], corners: Integer[Array, "b n m 2"], size: int
) -> Shaped[Array, "b n m {size} {size} c"]:
    """Of size x size samples, from corners (y, x) on."""

    def of_frame(frame: Array, corners: Array) -> Array:
        whole = size, size, frame.shape[-1]
        return lax.gather(frame, corners, _NUMBERS, whole, mode="promise_in_bounds")

    return jax.vmap(of_frame)(image, corners)


def entries(table: Shaped[Array, "n *e"], places: Integer[Array, "*s"]) -> Shaped[Array, "..."]:
    return table.at[places].get(mode="promise_in_bounds", wrap_negative_indices=False)
