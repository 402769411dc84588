"""What `--gop auto` gains by choosing the quality of B-frames beside the length of their groups.

    python benchmarks/level_offsets.py FOLDER-OF-CLIPS --frames 9

BD-rate of RGB PSNR, against choosing the length alone, and against groups of 8.
"""

import argparse
import sys
from unittest import mock

import numpy as np

import kbvc_jax
from kbvc_jax.cli.exit import exit_status
from kbvc_jax.evaluation.bd import bd_rate
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.pipeline import gop_choice

ALONE = gop_choice.LEVEL_OFFSETS[:1]
WAYS = (("auto", gop_choice.LEVEL_OFFSETS), ("auto", ALONE), (8, ALONE))


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--frames", type=int, default=9, help="of each clip (default 9)")
    parser.add_argument("--quality", type=float, nargs="+", default=[5, 25, 50, 75, 95])
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()

    codec = kbvc_jax.load(arguments.checkpoint)
    clips = find_clips(EvaluationConfig(data=arguments.folder, frames=arguments.frames))
    print(f"{'clip':20} {'against the length alone':>26} {'against groups of 8':>20}")
    rows = []
    for clip in clips:
        frames = [frame.rgb for frame in clip.read()]
        points = [curve(codec, frames, arguments.quality, *way) for way in WAYS]
        against = [bd_rate(anchor, points[0], minimum_overlap=0) for anchor in points[1:]]
        rows.append([found.percent for found in against])
        print(f"{clip.name:20} {against[0]!s:>26} {against[1]!s:>20}", flush=True)
    alone, eight = np.array(rows, float).mean(0)  # refused ones are nan
    print(f"{'mean':20} {alone:>+24.2f} % {eight:>+18.2f} %")
    return 0


def curve(codec, frames, qualities, gop, offsets) -> list[tuple[float, float]]:
    """(bytes, PSNR) at each quality."""
    points = []
    for quality in qualities:
        with mock.patch.object(gop_choice, "LEVEL_OFFSETS", offsets):
            data = codec.encode(frames, quality, gop=gop)
        pairs = zip(frames, codec.decode(data), strict=True)
        points.append((len(data), float(np.mean([psnr(a, b, 255) for a, b in pairs]))))
    return points


if __name__ == "__main__":
    sys.exit(exit_status(run, "level_offsets.py"))
