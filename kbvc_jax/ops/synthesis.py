"""Equation 1: each pixel is a sum of patches of the references under separable kernels.

    out(p) = sum over r, i, j of  vertical_r(p)[i] * horizontal_r(p)[j] * patch_r(p)[i, j]

Work is done with the width innermost: for each column j of the patch one fused sum over references
and rows, so that neither patches nor partial images of all columns ever exist at once.
"""

import functools
import operator
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


@jax.custom_vjp
def synthesise(
    references: Float[Array, "b r h w c"],
    vertical: Float[Array, "b r h w k"],
    horizontal: Float[Array, "b r h w k"],
) -> Float[Array, "b h w c"]:
    """References continue beyond their edges with the edge's samples. Sums are in float32."""
    return synthesise_padded(pad_references(references, vertical.shape[-1]), vertical, horizontal)


def pad_references(references: Float[Array, "b r h w c"], taps: int) -> Float[Array, "b r ph pw c"]:
    """What patches of the outermost pixels reach."""
    edge = (taps // 2, (taps - 1) // 2)
    return jnp.pad(references, ((0, 0), (0, 0), edge, edge, (0, 0)), mode="edge")


def synthesise_padded(
    padded: Float[Array, "b r ph pw c"],
    vertical: Float[Array, "b r h w k"],
    horizontal: Float[Array, "b r h w k"],
) -> Float[Array, "b h w c"]:
    """The sum alone, without a gradient of its own: for a strip of a frame, say."""
    (b, count, h, w, taps), c = vertical.shape, padded.shape[-1]
    rows = jnp.swapaxes(padded, -1, -2)
    down, across = _width_innermost(vertical), _width_innermost(horizontal)
    total = jnp.zeros((b, h, c, w), jnp.float32)
    for j in range(taps):
        for r in range(count):
            column = (
                down[:, r, :, i, None] * rows[:, r, i : i + h, :, j : j + w] for i in range(taps)
            )
            total += across[:, r, :, j, None] * _total(column)
        total = lax.optimization_barrier(total)  # a fusion a column: XLA would merge them all
    return jnp.swapaxes(total, -1, -2).astype(padded.dtype)


def _width_innermost(kernels: Float[Array, "b r h w k"]) -> Float[Array, "b r h k w"]:
    """All taps of a row of pixels lie side by side, so that a sum over them stays in the cache."""
    return lax.optimization_barrier(jnp.swapaxes(kernels, -1, -2).astype(jnp.float32))


def _forward(references, vertical, horizontal):
    return synthesise(references, vertical, horizontal), (references, vertical, horizontal)


def _backward(saved, gradient):
    references, vertical, horizontal = saved
    h, w, taps = vertical.shape[2:]
    padded, unpad = jax.vjp(lambda x: pad_references(x, taps), references.astype(jnp.float32))
    rows, outer = jnp.swapaxes(padded, -1, -2), jnp.swapaxes(gradient, -1, -2)[:, None]
    down, across = _width_innermost(vertical), _width_innermost(horizontal)
    channels = range(rows.shape[3])

    def patch(i: int, j: int, channel: int) -> Float[Array, "b r h w"]:
        return rows[:, :, i : i + h, channel, j : j + w]

    to_across, to_down = [], []
    for j in range(taps):
        column = (
            outer[:, :, :, c] * _total(down[:, :, :, i] * patch(i, j, c) for i in range(taps))
            for c in channels
        )
        to_across.append(lax.optimization_barrier(_total(column)))
        row = (
            outer[:, :, :, c] * _total(across[:, :, :, i] * patch(j, i, c) for i in range(taps))
            for c in channels
        )
        to_down.append(lax.optimization_barrier(_total(row)))

    # Rows beyond the frame hold zeros, so that every shift of a column is a slice.
    def tall(x: Array) -> Array:
        return jnp.pad(x, ((0, 0), (0, 0), (taps - 1, taps - 1), *((0, 0),) * (x.ndim - 3)))

    tall_down, height = tall(down), h + taps - 1
    to_rows = jnp.zeros(rows.shape, jnp.float32)
    for j in range(taps):
        products = lax.optimization_barrier(tall(across[:, :, :, j, None] * outer))
        shifts = ((i, slice(taps - 1 - i, taps - 1 - i + height)) for i in range(taps))
        sums = _total(tall_down[:, :, at, i, None] * products[:, :, at] for i, at in shifts)
        to_rows = to_rows.at[..., j : j + w].add(lax.optimization_barrier(sums))
    (to_references,) = unpad(jnp.swapaxes(to_rows, -1, -2))

    return (
        to_references.astype(references.dtype),
        jnp.stack(to_down, -1).astype(vertical.dtype),
        jnp.stack(to_across, -1).astype(horizontal.dtype),
    )


synthesise.defvjp(_forward, _backward)


def _total(terms: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, terms)
