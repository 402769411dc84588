"""The interpolated frame alone, beside the mean of both references, on source frames.

    python benchmarks/interpolation.py FOLDER-OF-CLIPS --frames 17 --distance 1 2 4

RGB PSNR of the middle frame, mean over frames, from the frames at each distance to both sides.
"""

import argparse
import sys

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

import kbvc_jax
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.padding import pad_to_multiple
from kbvc_jax.runtime.exit import exit_status


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--frames", type=int, default=17, help="of each clip (default 17)")
    parser.add_argument("--distance", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()

    model = kbvc_jax.load(arguments.checkpoint).inference.model
    clips = find_clips(EvaluationConfig(data=arguments.folder, frames=arguments.frames))
    print(f"{'clip':16} {'distance':>8} {'interpolated':>12} {'averaged':>9} {'gain dB':>8}")
    rows = []
    for clip in clips:
        frames = [frame.rgb for frame in clip.read()]
        for distance in arguments.distance:
            found = np.mean(
                [
                    gains(model, *frames[time - distance : time + distance + 1 : distance])
                    for time in range(distance, len(frames) - distance, 2)
                ],
                axis=0,
            )
            rows.append((distance, *found))
            print(line(clip.name, distance, *found), flush=True)
    for distance in arguments.distance:
        mean = np.mean([row[1:] for row in rows if row[0] == distance], axis=0)
        print(line("mean", distance, *mean))
    return 0


def gains(model: Kbvc, previous, middle, following) -> tuple[float, float]:
    """PSNR of the interpolated frame and of the mean."""
    height, width = middle.shape[:2]
    pair = (
        pad_to_multiple(jnp.asarray(frame, jnp.float32)[None] / 255, 16)
        for frame in (previous, following)
    )
    found = jax.device_get(between(model, *pair))[0, :height, :width]
    average = np.rint((previous.astype(float) + following) / 2)
    return psnr(middle, np.rint(255 * found), 255), psnr(middle, average, 255)


@nnx.jit
def between(model: Kbvc, previous: Array, following: Array) -> Array:
    return model.between(previous, following)


def line(name: str, distance: int, interpolated: float, averaged: float) -> str:
    gain = interpolated - averaged
    return f"{name:16} {distance:8} {interpolated:12.2f} {averaged:9.2f} {gain:+8.2f}"


if __name__ == "__main__":
    sys.exit(exit_status(run, "interpolation.py"))
