"""What it is worth that quality falls from the I-frames to the deepest B-frames.

    python benchmarks/quality_fall.py FOLDER-OF-CLIPS --frames 9 --gop 8

BD-rate of RGB PSNR, at each fall, against one quality for all frames.
"""

import argparse
import sys
from unittest import mock

import numpy as np

import kbvc_jax
from kbvc_jax.encoder import encoder
from kbvc_jax.encoder.gop_choice import FALLS
from kbvc_jax.evaluation.bd import bd_rate
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.runtime.exit import exit_status


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--frames", type=int, default=9, help="of each clip (default 9)")
    parser.add_argument("--gop", type=int, default=8, help="length of the groups (default 8)")
    parser.add_argument("--quality", type=float, nargs="+", default=[10, 30, 50, 70, 90])
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()

    codec = kbvc_jax.load(arguments.checkpoint)
    clips = find_clips(EvaluationConfig(data=arguments.folder, frames=arguments.frames))
    print(f"{'clip':20}" + "".join(f"{fall / 2:>12g}" for fall in FALLS))
    rows = []
    for clip in clips:
        frames = [frame.rgb for frame in clip.read()]
        quality, falls = arguments.quality, (0, *FALLS)
        curves = [curve(codec, frames, quality, arguments.gop, fall) for fall in falls]
        found = [bd_rate(curves[0], points, minimum_overlap=0) for points in curves[1:]]
        rows.append([rate.percent for rate in found])
        print(f"{clip.name:20}" + "".join(f"{rate!s:>12}" for rate in found), flush=True)
    means = np.array(rows, float).mean(0)  # refused ones are nan
    print(f"{'mean':20}" + "".join(f"{mean:>+10.2f} %" for mean in means))
    return 0


def curve(codec, frames, qualities, gop, fall) -> list[tuple[float, float]]:
    """(bytes, PSNR) at each quality."""
    points = []
    for quality in qualities:
        with mock.patch.object(encoder, "FALL", fall):
            data = codec.encode(frames, quality, gop=gop, keyint=gop)
        pairs = zip(frames, codec.decode(data), strict=True)
        points.append((len(data), float(np.mean([psnr(a, b, 255) for a, b in pairs]))))
    return points


if __name__ == "__main__":
    sys.exit(exit_status(run, "quality_fall.py"))
