"""Learned B-frame video compression.

codec = kbvc_jax.load()
data = codec.encode(frames, quality=50)
frames = codec.decode(data)
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbvc_jax.runtime.errors import InputError

if TYPE_CHECKING:
    from kbvc_jax.api import Codec
    from kbvc_jax.coding.limits import Limits
    from kbvc_jax.encoder.options import EncoderOptions
    from kbvc_jax.files import open_stream
    from kbvc_jax.video.reader import open_video

__all__ = [
    "Codec",
    "EncoderOptions",
    "InputError",
    "Limits",
    "__version__",
    "load",
    "open_stream",
    "open_video",
]
__version__ = "0.32.0"

# JAX takes seconds to import; `kbvc info` and config files do without it.
_LAZY = {
    "Codec": "kbvc_jax.api",
    "Limits": "kbvc_jax.coding.limits",
    "EncoderOptions": "kbvc_jax.encoder.options",
    "open_stream": "kbvc_jax.files",
    "open_video": "kbvc_jax.video.reader",
}


def load(
    checkpoint: str | Path | None = None,
    *,
    model: str | None = None,
    devices: int = 1,
    workers: int = 1,
) -> "Codec":
    """A codec with the weights of an inference checkpoint; without one, those that ship, of which
    `model` is one by name (`kbvc models`).

    A film is shared, from I-frame to I-frame, among `devices` of this machine or, on a processor of
    many cores, among `workers`, which are processes."""
    from kbvc_jax.api import load

    return load(checkpoint, model=model, devices=devices, workers=workers)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
