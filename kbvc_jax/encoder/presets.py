"""Names for sets of options (options.py), from fast to small."""

from collections.abc import Callable, Mapping
from typing import Any

from kbvc_jax.runtime.errors import InputError

BALANCED = "balanced"
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "fast": {"gop": 8, "b_frames": "motion"},
    BALANCED: {},  # what EncoderOptions has by default
    "best": {"gop": "auto", "b_frames": "compensated,predicted", "effort": 16},
}


def with_preset(
    name: str, given: Mapping[str, Any], has: Callable[[str], bool]
) -> Mapping[str, Any]:
    """The options of a preset, but single ones that are `given` (None: not) win.

    A preset wishes: of its codecs of B-frames it takes those that the model has, or none of them,
    which is the model's own.
    """
    if name not in PRESETS:
        raise InputError(f"preset {name}: must be {' or '.join(PRESETS)}")
    wished = dict(PRESETS[name])
    codecs = wished.pop("b_frames", "").split(",")
    wished["b_frames"] = ",".join(filter(has, filter(None, codecs))) or None
    return wished | {option: value for option, value in given.items() if value is not None}
