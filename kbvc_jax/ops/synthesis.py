"""Equation 1: each pixel is a sum of patches of the references under separable kernels.

    out(p) = sum over r, i, j of  vertical_r(p)[i] * horizontal_r(p)[j] * patch_r(p)[i, j]

Work is done with the width innermost, in one fused sum a reference, so that neither patches nor
partial images ever exist.
"""

import functools
import operator
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


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


@jax.custom_vjp
def equation_1(
    padded: Float[Array, "b r ph pw c"],
    vertical: Float[Array, "b r h w k"],
    horizontal: Float[Array, "b r h w k"],
) -> Float[Array, "b h w c"]:
    """The sum alone: of a whole frame, or of a strip of one."""
    (b, count, h, w, taps), c = vertical.shape, padded.shape[-1]
    arrays = jnp.swapaxes(padded, -1, -2), _width_innermost(vertical), _width_innermost(horizontal)

    def add(r: Int[Array, ""], total: Float[Array, "b h c w"]) -> Float[Array, "b h c w"]:
        rows, down, across = (lax.dynamic_index_in_dim(x, r, 1, keepdims=False) for x in arrays)
        for j in range(taps):
            column = (down[:, :, i, None] * rows[:, i : i + h, :, j : j + w] for i in range(taps))
            total += across[:, :, j, None] * _total(column)
        return total

    # A loop, because XLA would merge the whole sum into every use of it.
    total = lax.fori_loop(0, count, add, jnp.zeros((b, h, c, w), jnp.float32))
    return jnp.swapaxes(total, -1, -2).astype(padded.dtype)


def _width_innermost(kernels: Float[Array, "b r h w k"]) -> Float[Array, "b r h k w"]:
    """All taps of a row of pixels lie side by side, so that a sum over them stays in the cache."""
    return lax.optimization_barrier(jnp.swapaxes(kernels, -1, -2).astype(jnp.float32))


def _forward(padded, vertical, horizontal):
    return equation_1(padded, vertical, horizontal), (padded, vertical, horizontal)


def _backward(saved, gradient):
    padded, vertical, horizontal = saved
    h, w, taps = vertical.shape[2:]
    rows = jnp.swapaxes(padded.astype(jnp.float32), -1, -2)
    outer = jnp.swapaxes(gradient, -1, -2)[:, None]
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

    return (
        jnp.swapaxes(to_rows, -1, -2).astype(padded.dtype),
        jnp.stack(to_down, -1).astype(vertical.dtype),
        jnp.stack(to_across, -1).astype(horizontal.dtype),
    )


equation_1.defvjp(_forward, _backward)
synthesise_padded = jax.jit(equation_1)  # for its name: models/multiply_adds.py


def _total(terms: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, terms)
