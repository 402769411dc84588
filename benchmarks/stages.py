"""Where the time goes: each codec that ships, at each size, in a `kbvc bench` of its own.

    python benchmarks/stages.py --sizes 416x240 1920x1080 3840x2160

Milliseconds a frame of each stage, from a file and back to one; microseconds a pixel; the most
memory; and which part of the machine's peak the convolutions reach: multiply-adds of a B-frame
(`kbvc complexity`) times frames a second, over those of a product of two matrices. Each run adds
its rows to the file of --json, and the table shows all of them.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from coding import footage

import kbvc_jax
from kbvc_jax.models.complexity import coding
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.writer import create_video
from kbvc_jax.zoo import shipped

SIZES = ("416x240", "1920x1080")
MODELS = [model.name for model in shipped().models if "," not in model.b_frames]
SIDES = {"encode": "encoder", "decode": "decoder"}
MATRIX, REPEATS = 2048, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--frames", type=int, default=9, help="one I-frame and a group of 8")
    parser.add_argument("--json", type=Path, default=Path("stages.json"), metavar="FILE")
    arguments = parser.parse_args()

    rows = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder, "clip.y4m")
            write(clip, footage(*map(int, size.split("x")), arguments.frames))
            for model in arguments.models:
                rows[f"{model}, {size}"] = benched(clip, model, arguments.frames)
                print(f"{model}, {size}: done", file=sys.stderr)
    arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(table(rows, peak())))


def write(path: Path, frames: np.ndarray) -> None:
    height, width = frames.shape[1:3]
    form = VideoFormat(width, height, Fraction(24), "709", False, 8, "420")
    with create_video(path, form) as video:
        for frame in frames:
            video.write(frame)


def benched(clip: Path, model: str, frames: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "kbvc_jax.cli.main", "bench", clip, "--model", model]
    options = ["--frames", str(frames), "--quiet", "--json"]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def peak() -> float:
    """Multiply-adds a second of a product of two matrices, float32."""
    a, product = jnp.ones((MATRIX, MATRIX)), jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        product(a, a).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return MATRIX**3 / statistics.median(seconds)


def table(rows: dict[str, dict[str, Any]], peak: float) -> Iterator[str]:
    yield (
        "| model, size | side | fps | us a pixel | of peak | memory, GiB | ms a frame, by stage |"
    )
    yield "|---|---|---:|---:|---:|---:|---|"
    for name, row in rows.items():
        pixels, frames = row["width"] * row["height"], row["frames"]
        for side, coder in SIDES.items():
            own = row[side]
            stages = {
                **({"read": row["read"]} if side == "encode" else {}),
                **own["seconds_by_stage"],
                **({"write": row["write"]} if side == "decode" else {}),
            }
            fps = frames / own["seconds"]
            share = pixels * fps * multiply_adds(row["b_frames"], coder) / peak
            memory = f"{row['peak_memory'] / 2**30:.2f}" if row["peak_memory"] else "-"
            by_stage = ", ".join(f"{s} {1000 * t / frames:.0f}" for s, t in stages.items())
            yield (
                f"| {name} | {side} | {fps:.2f} | {1e6 / fps / pixels:.2f} | {share:.0%} | "
                f"{memory} | {by_stage} |"
            )


def multiply_adds(codec: str, coder: str) -> float:
    """A pixel of a B-frame."""
    config = dataclasses.replace(kbvc_jax.load().inference.model.config, b_frames=codec)
    sums = {row.module.split(",")[0]: row for row in coding(config)}
    return sums[coder].macs_per_pixel


if __name__ == "__main__":
    main()
