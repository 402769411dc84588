"""Learned video compression with kernel-based motion-free B-frames.

    codec = kbvc_jax.load()
    data = codec.encode(frames, quality=50)
    frames = codec.decode(data)
"""

from pathlib import Path
from typing import TYPE_CHECKING

from kbvc_jax.errors import InputError

if TYPE_CHECKING:
    from kbvc_jax.pipeline.codec import Codec

__all__ = ["Codec", "InputError", "__version__", "load"]
__version__ = "0.1.0"


def load(checkpoint: str | Path | None = None) -> "Codec":
    """A codec with the weights of an inference checkpoint; without one, those that ship."""
    from kbvc_jax.pipeline.codec import load

    return load(checkpoint)


def __getattr__(name: str):
    # JAX takes seconds to import; `kbvc info` and config files do without it.
    if name == "Codec":
        from kbvc_jax.pipeline.codec import Codec

        return Codec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
