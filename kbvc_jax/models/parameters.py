"""A model in two parts: all that it is but its arrays, and these, by dotted names."""

from typing import Any

import jax
from flax import nnx
from jaxtyping import Array

Parameters = dict[str, Array]


class Skeleton:
    """All of a model but its arrays: a pure function of them.

    Hashed once: jit asks for the hash at every call, and nnx works its own out anew each time.
    """

    def __init__(self, graph: nnx.GraphDef, structure: Any, names: tuple[str, ...]):
        self._parts = graph, structure, names
        self._hash = hash(self._parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Skeleton) and self._parts == other._parts)

    def model(self, parameters: Parameters) -> Any:
        graph, structure, names = self._parts
        arrays = [parameters[name] for name in names]
        return nnx.merge(graph, jax.tree.unflatten(structure, arrays))


def split(model: nnx.Module) -> tuple[Skeleton, dict[str, Any]]:
    """The second part is Parameters or, of a model that has only shapes, those."""
    graph, state = nnx.split(model)
    leaves, structure = jax.tree_util.tree_flatten_with_path(state)
    # The last part of a path is the variable's own `value`.
    parameters = {".".join(str(part.key) for part in path[:-1]): leaf for path, leaf in leaves}
    return Skeleton(graph, structure, tuple(parameters)), parameters
