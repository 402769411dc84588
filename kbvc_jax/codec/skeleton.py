"""A model in two parts, as jit takes them at every call: what it is, and its arrays."""

from typing import Any

import jax
from flax import nnx
from jaxtyping import Array

from kbvc_jax.models.kbvc import Kbvc


class Skeleton:
    """All of a model but its arrays.

    Hashed once: jit asks for the hash at every call, and nnx works its own out anew each time.
    """

    def __init__(self, graph: nnx.GraphDef, structure: Any):
        self._parts = graph, structure
        self._hash = hash(self._parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Skeleton) and self._parts == other._parts)

    def model(self, arrays: list[Array]) -> Kbvc:
        graph, structure = self._parts
        return nnx.merge(graph, jax.tree.unflatten(structure, arrays))


def split(model: Kbvc) -> tuple[Skeleton, list[Array]]:
    graph, state = nnx.split(model)
    arrays, structure = jax.tree.flatten(state)
    return Skeleton(graph, structure), arrays
