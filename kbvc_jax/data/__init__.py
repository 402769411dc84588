"""Training clips: where they come from, how they are cut, and how they reach the step."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kbvc_jax.data.dataset import make_dataset, validation_clips

__all__ = ["make_dataset", "validation_clips"]


def __getattr__(name: str):
    # Configs and packing do without JAX, which takes seconds to import.
    if name in __all__:
        from kbvc_jax.data import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
