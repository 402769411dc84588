"""What a figure was measured under. Two figures compare only where this is equal."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from kbvc_jax.evaluation.clips import Clip
from kbvc_jax.evaluation.config import EvaluationConfig

Conditions = dict[str, Any]

# A change to how anything is measured changes these words, and with them the conditions.
DEFINITIONS = {
    "rate": "bytes of the file, headers included, x 8 / (frames x width x height)",
    "psnr": "per frame, of the integer samples, mean over frames; at most 100 dB",
    "ms_ssim": "RGB, 5 scales, 11-tap Gaussian, mean over channels",
    "chroma": "4:2:0 to RGB bicubic, half-pixel centres",
    "anchors": "random access, key-frame interval = intra period, same frames",
}


def describe(config: EvaluationConfig, set_name: str, clips: Sequence[Clip]) -> Conditions:
    return {
        "set": set_name,
        "gop": config.gop,
        "intra_period": config.intra_period,
        "sequences": [dataclasses.asdict(clip.description) for clip in clips],
        "metrics": ["psnr", "psnr_yuv", "ms_ssim"]
        + ["vmaf"] * config.vmaf
        + ["lpips"] * config.lpips,
        "definitions": DEFINITIONS,
    }


def differences(a: Conditions, b: Conditions, *, sequences: bool = True) -> list[str]:
    """Each condition in which two differ, in words."""
    out = []
    for key in ("set", "gop", "intra_period", "definitions"):
        ours, theirs = a.get(key), b.get(key)
        if ours != theirs:
            out.append(f"{key} is {ours} in one and {theirs} in the other")
    if not sequences:
        return out
    ours = {s["name"]: s for s in a["sequences"]}
    theirs = {s["name"]: s for s in b["sequences"]}
    if lonely := sorted(ours.keys() ^ theirs.keys()):
        out.append(f"sequences in one alone: {', '.join(lonely)}")
    for name in sorted(ours.keys() & theirs.keys()):
        out += [
            f"{name}: {key} is {value} in one and {theirs[name].get(key)} in the other"
            for key, value in ours[name].items()
            if value != theirs[name].get(key)
        ]
    return out
