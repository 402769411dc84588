"""Equation 1: each pixel is a sum of patches of the references under separable kernels.

    out(p) = sum over r, i, j of  vertical_r(p)[i] * horizontal_r(p)[j] * patch_r(p)[i, j]

Work is done plane by plane, width innermost: for each column j of the patch one fused sum over its
rows, so that neither patches nor partial images of all columns ever exist at once.
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
    (b, r, h, w, taps), c = vertical.shape, padded.shape[-1]
    planes = _frame_planes(padded)
    down, across = _kernel_planes(vertical), _kernel_planes(horizontal)
    total = [jnp.zeros((b * r, h, w), jnp.float32)] * c
    for j in range(taps):
        total = [t + across[j] * _column(p, down, j) for t, p in zip(total, planes, strict=True)]
        total = lax.optimization_barrier(total)  # a fusion a column: XLA would merge them all
    out = jnp.stack(total, -1).reshape(b, r, h, w, c)
    return out.sum(1).astype(padded.dtype)


def _forward(references, vertical, horizontal):
    return synthesise(references, vertical, horizontal), (references, vertical, horizontal)


def _backward(saved, gradient):
    references, vertical, horizontal = saved
    (b, r, h, w, c), taps = references.shape, vertical.shape[-1]
    padded, unpad = jax.vjp(lambda x: pad_references(x, taps), references.astype(jnp.float32))
    planes = _frame_planes(padded)
    down, across = _kernel_planes(vertical), _kernel_planes(horizontal)
    outer = _frame_planes(jnp.broadcast_to(gradient[:, None], references.shape))

    to_across, to_down = [], []
    for j in range(taps):
        sums = sum(o * _column(p, down, j) for o, p in zip(outer, planes, strict=True))
        to_across.append(lax.optimization_barrier(sums))
        sums = sum(o * _row(p, across, j) for o, p in zip(outer, planes, strict=True))
        to_down.append(lax.optimization_barrier(sums))

    # Rows beyond the frame hold zeros, so that every shift of a column is a slice.
    beyond = ((0, 0), (taps - 1, taps - 1), (0, 0))
    tall_down, height = jnp.pad(down, ((0, 0), *beyond)), h + taps - 1
    to_planes = []
    for channel in outer:
        total = jnp.zeros(planes[0].shape, jnp.float32)
        for j in range(taps):
            tall = lax.optimization_barrier(jnp.pad(across[j] * channel, beyond))
            products = (
                _rows(tall_down[i], taps - 1 - i, height) * _rows(tall, taps - 1 - i, height)
                for i in range(taps)
            )
            total = total.at[..., j : j + w].add(lax.optimization_barrier(sum(products)))
        to_planes.append(total)
    to_padded = jnp.moveaxis(jnp.stack(to_planes).reshape(c, *padded.shape[:-1]), 0, -1)
    (to_references,) = unpad(to_padded)

    def kernels(planes: list[Array]) -> Array:
        return jnp.stack(planes, -1).reshape(b, r, h, w, taps)

    return (
        to_references.astype(references.dtype),
        kernels(to_down).astype(vertical.dtype),
        kernels(to_across).astype(horizontal.dtype),
    )


synthesise.defvjp(_forward, _backward)


def _frame_planes(frames: Float[Array, "b r h w c"]) -> Float[Array, "c n h w"]:
    b, r, h, w, c = frames.shape
    return jnp.moveaxis(frames, -1, 0).reshape(c, b * r, h, w)


def _kernel_planes(kernels: Float[Array, "b r h w k"]) -> Float[Array, "k n h w"]:
    b, r, h, w, k = kernels.shape
    planes = jnp.moveaxis(kernels, -1, 0).reshape(k, b * r, h, w)
    return lax.optimization_barrier(planes.astype(jnp.float32))


def _rows(plane: Float[Array, "n ph w"], first: int, count: int) -> Float[Array, "n h w"]:
    return lax.slice_in_dim(plane, first, first + count, axis=1)


def _column(plane, down, j: int) -> Float[Array, "n h w"]:
    """Column j of every patch under the vertical kernels."""
    height, width = down.shape[2:]
    column = plane[..., j : j + width]
    return _total(down[i] * _rows(column, i, height) for i in range(len(down)))


def _row(plane, across, i: int) -> Float[Array, "n h w"]:
    """Row i of every patch under the horizontal kernels."""
    height, width = across.shape[2:]
    row = _rows(plane, i, height)
    return _total(across[j] * row[..., j : j + width] for j in range(len(across)))


def _total(terms: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, terms)
