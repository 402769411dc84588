"""What the presets of `kbvc encode` cost and bring.

    python benchmarks/presets.py --frames 17
    python benchmarks/presets.py --frames 17 --presets balanced --also rounding=nearest gop=auto

`--also` takes options beside the presets: what a tool brings, by going without it. BD-rate of RGB
PSNR against balanced, and frames a second of encoding and decoding: medians over the qualities, at
each of which all take their turn.

Version 0.27.0, two cores on a slow day, 17 frames of the bundled clip:

    fast        +2.66 %, encode 3.42 fps, decode 7.90 fps
    balanced    +0.00 %, encode 2.32 fps, decode 6.02 fps
    best       -10.78 %, encode 0.14 fps, decode 4.17 fps
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict

import numpy as np

import kbvc_jax
from kbvc_jax.encoder.presets import BALANCED, PRESETS
from kbvc_jax.evaluation.bd import bd_rate
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.selftest import ASSETS

WARMING = 9  # frames, before anything is timed


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", nargs="?", default=ASSETS.parent / "bunny.mp4")
    parser.add_argument("--frames", type=int, default=33)
    parser.add_argument("--quality", type=float, nargs="+", default=[20, 40, 60, 80])
    parser.add_argument("--checkpoint")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--also", nargs="*", default=[], metavar="NAME=VALUE,...")
    arguments = parser.parse_args()
    names = dict.fromkeys([BALANCED, *arguments.presets])
    modes = {name: {"preset": name} for name in names}
    modes |= {text: options(text) for text in arguments.also}

    codec = kbvc_jax.load(arguments.checkpoint)
    with kbvc_jax.open_video(arguments.clip, frames=arguments.frames) as video:
        frames = np.stack(list(video))
    for mode in modes.values():
        codec.decode(codec.encode(frames[:WARMING], **mode))
    curves, speeds = defaultdict(list), defaultdict(list)
    for quality in arguments.quality:
        for name, mode in modes.items():
            began = time.perf_counter()
            data = codec.encode(frames, quality, **mode)
            encoded = time.perf_counter()
            decoded = codec.decode(data)
            speeds[name].append((encoded - began, time.perf_counter() - encoded))
            decibels = np.mean([psnr(a, b, 255) for a, b in zip(frames, decoded, strict=True)])
            curves[name].append((len(data), float(decibels)))
            print(f"q {quality:g} {name}: {len(data):,} bytes, {decibels:.2f} dB", flush=True)
    for name in modes:
        rate = bd_rate(curves[BALANCED], curves[name])
        encode, decode = (
            len(frames) / statistics.median(seconds) for seconds in zip(*speeds[name], strict=True)
        )
        print(f"{name:9} {rate!s:>9}, encode {encode:.2f} fps, decode {decode:.2f} fps")
    return 0


def options(text: str) -> dict[str, int | str]:
    pairs = (pair.split("=") for pair in text.split(","))
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}


if __name__ == "__main__":
    sys.exit(exit_status(run, "presets.py"))
