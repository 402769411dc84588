"""Frames trained a second, input pipeline included, beside CompressAI's scale-space flow (SSF).

    python -m venv .peer && .peer/bin/pip install torch torchvision compressai
    python benchmarks/training.py --sizes 128x128 --batches 1 --peer .peer/bin/python
    python benchmarks/training.py --device gpu --precisions bfloat16 float32 --batches 8 16 32
    python benchmarks/training.py --plan --remat --batches 8

A step of ours is groups of five frames through the loop's own step: forward, backward, Adam,
averages. A step of SSF is as many P-frames, forward and backward alone. The two take turns, so that
whatever else the machine does slows both; figures are medians over the turns. "waiting" is the
share of the time spent on getting the next batch. Of the work, only convolutions and equation 1 are
counted, forward three times; the peak is the chip's data sheet's, or what a large product of
matrices reaches where that is not listed. Each run adds its rows to the file of --json.

A 2-core AVX-512 machine, 128x128, one group a step, float32: the full model trains 3.3 frames a
second where SSF does 5.4, 1.67 times its seconds a frame (goal: 2.2). Waiting for data: 0.1 % at
most. On a GPU not measured yet; the goal there is 500 frames a second on an H200 at 256x256 in
bfloat16. --plan, for the CPU: 8 groups of 5 frames 256x256 take 11.1 GiB in bfloat16, and 12.5 GiB
in float32 with --remat.
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

FRAMES = 5
# FLOP/s of dense products, from data sheets.
PEAKS = {
    "NVIDIA H200": {"bfloat16": 989e12, "float32": 67e12},
    "NVIDIA H100 80GB HBM3": {"bfloat16": 989e12, "float32": 67e12},
    "NVIDIA A100-SXM4-80GB": {"bfloat16": 312e12, "float32": 19.5e12},
    "TPU v4": {"bfloat16": 275e12},
    "TPU v5 lite": {"bfloat16": 197e12},
    "TPU v6 lite": {"bfloat16": 918e12},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["256x256"], metavar="WxH")
    parser.add_argument("--batches", nargs="+", type=int, default=[8], help="groups a step")
    parser.add_argument("--precisions", nargs="+", default=["float32"])
    parser.add_argument("--remat", action="store_true", help="recompute activations")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "gpu", "tpu"), default="cpu")
    parser.add_argument(
        "--plan", action="store_true", help="compile only: print the memory that a step needs"
    )
    parser.add_argument("--small", action="store_true", help="the model of configs/small.py")
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with compressai")
    parser.add_argument("--json", type=Path, default=Path("training.json"), metavar="FILE")
    arguments = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", {"gpu": "cuda"}.get(arguments.device, arguments.device))

    rows = json.loads(arguments.json.read_text()) if arguments.json.exists() else []
    settings = itertools.product(arguments.sizes, arguments.batches, arguments.precisions)
    with tempfile.TemporaryDirectory() as folder:
        footage(folder)
        for size, batch, precision in settings:
            if arguments.plan:
                plan(*map(int, size.split("x")), batch, precision, folder, arguments)
                continue
            row = measure(*map(int, size.split("x")), batch, precision, folder, arguments)
            print(row, file=sys.stderr)
            rows.append(row)
    if arguments.plan:
        return
    arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))


def footage(folder: str) -> None:
    """The bundled clip, large enough for every crop."""
    import kbvc_jax
    from kbvc_jax.data.pack import pack

    source = str(Path(kbvc_jax.__file__).parent / "assets")
    pack(source, f"{folder}/clip", codec="jpeg", container="zip", size=(640, 360))


def measure(width: int, height: int, batch: int, precision: str, folder: str, arguments) -> dict:
    import jax

    ours, macs, waits = our_step(width, height, batch, precision, folder, arguments)
    runners = {"kbvc": ours}
    with contextlib.ExitStack() as stack:
        if arguments.peer:
            start = peer(arguments.peer, width, height, batch, precision, arguments.device)
            runners["SSF"] = stack.enter_context(start)
        seconds = {name: [] for name in runners}
        for turn in range(arguments.repeats + 1):
            for name, run in runners.items():
                took = run()
                if turn:  # the first one compiles
                    seconds[name].append(took)
                else:
                    waits.clear()
    step = statistics.median(seconds["kbvc"])
    work = 6 * macs * width * height * batch * FRAMES / step  # forward once, backward twice
    kind = jax.devices()[0].device_kind
    peak = PEAKS.get(kind, {}).get(precision) or product_speed(precision)
    row = {
        "device": f"{jax.device_count()} x {kind}",
        "size": f"{width}x{height}",
        "batch": batch,
        "precision": precision + (" remat" if arguments.remat else ""),
        "model": "small" if arguments.small else "full",
        "frames_per_second": round(batch * FRAMES / step, 3),
        "waiting": round(sum(waits) / sum(seconds["kbvc"]), 3),
        "tflops": round(work / 1e12, 4),
        "of_peak": round(work / (peak * jax.device_count()), 4),
        "memory_gib": memory(),
    }
    if "SSF" in seconds:
        row["ssf_frames_per_second"] = round(batch / statistics.median(seconds["SSF"]), 3)
    return row


def plan(width: int, height: int, batch: int, precision: str, folder: str, arguments) -> None:
    """What XLA sets aside for a step, on this backend: its arguments and all that lies between."""
    import jax
    import jax.numpy as jnp

    from kbvc_jax.training.step import initial_state, train_step

    config, stage = training(width, height, batch, precision, folder, arguments)
    frames = jax.ShapeDtypeStruct((1, batch, FRAMES, height, width, 3), jnp.uint8)
    state = initial_state(stage.trainable, stage.frozen, config.optimiser)
    # Buffers are laid out before code is generated: that may be done quickly.
    quick = {"xla_backend_optimization_level": 0}
    lowered = train_step(config, stage.loss).lower(state, frames)
    planned = lowered.compile(quick).memory_analysis()
    gib = (planned.temp_size_in_bytes + planned.argument_size_in_bytes) / 2**30
    remat = " remat" if config.remat else ""
    print(f"{batch} groups of {FRAMES} frames {width}x{height}, {precision}{remat}: {gib:.2f} GiB")


def training(width: int, height: int, batch: int, precision: str, folder: str, arguments):
    """The configuration that is measured, and its stage."""
    from kbvc_jax.config import load_config
    from kbvc_jax.data.config import DataConfig, SourceConfig
    from kbvc_jax.models.config import ModelConfig
    from kbvc_jax.training.config import TrainConfig
    from kbvc_jax.training.parameters import build
    from kbvc_jax.training.recipe import Recipe
    from kbvc_jax.training.stages import build_stage

    configs = Path(__file__).parents[1] / "configs"
    small = load_config(configs / "small.py", Recipe).model
    config = TrainConfig(
        model=small if arguments.small else ModelConfig(),
        data=DataConfig(
            sources=(SourceConfig("pack", f"{folder}/clip"),),
            frames=FRAMES,
            crop=(height, width),
            batch_size=batch,
            resident=arguments.device != "cpu",
        ),
        precision=precision,
        remat=arguments.remat,
    )
    return config, build_stage(config, build(config))


def our_step(width: int, height: int, batch: int, precision: str, folder: str, arguments):
    """A function that runs a step and returns its seconds; multiply-adds a pixel; the waits."""
    import jax

    from kbvc_jax.data.dataset import make_dataset
    from kbvc_jax.models.complexity import complexity
    from kbvc_jax.training.step import initial_state, replicate, split_batch, train_step

    config, stage = training(width, height, batch, precision, folder, arguments)
    step = train_step(config, stage.loss)
    state = replicate(initial_state(stage.trainable, stage.frozen, config.optimiser))
    batches = make_dataset(config.data)
    waits: list[float] = []

    def run() -> float:
        nonlocal state
        began = time.perf_counter()
        frames = split_batch(next(batches)["frames"])
        waits.append(time.perf_counter() - began)
        state, metrics = step(state, frames)
        jax.block_until_ready(metrics)
        return time.perf_counter() - began

    rows = {row.module: row.macs_per_pixel for row in complexity(config.model)}
    b_frame, i_frame = rows["total (a B-frame)"], rows["image codec"]
    return run, (3 * b_frame + 2 * i_frame) / FRAMES, waits


@contextlib.contextmanager
def peer(
    python: str, width: int, height: int, batch: int, precision: str, device: str
) -> Iterator[Callable[[], float]]:
    """The same function, of a process in the other environment."""
    script = Path(__file__).with_name("training_peer.py")
    command = [python, script, width, height, batch, precision, {"gpu": "cuda"}.get(device, device)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([str(part) for part in command], **pipes) as process:
        if not process.stdout.readline():
            raise SystemExit(f"{python}: cannot run compressai there")

        def run() -> float:
            print("step", file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())["seconds"]

        yield run


def product_speed(precision: str, size: int = 2048) -> float:
    """FLOP/s of a large product of matrices, the best of a few."""
    import jax
    import jax.numpy as jnp

    a = jnp.ones((size, size), precision)
    product = jax.jit(jnp.matmul)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        jax.block_until_ready(product(a, a))
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)


def memory() -> float | None:
    """GiB at the peak on the first device, where it keeps count."""
    import jax

    statistics_ = jax.local_devices()[0].memory_stats() or {}
    peak = statistics_.get("peak_bytes_in_use")
    return round(peak / 2**30, 2) if peak else None


def table(rows: list[dict]) -> str:
    lines = [
        "| device | size | batch | precision | model | kbvc frames/s | waiting | of peak | GiB "
        "| SSF frames/s | seconds a frame, kbvc / SSF |",
        "|---|---|---:|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ours, ssf = row["frames_per_second"], row.get("ssf_frames_per_second")
        cells = [row[key] for key in ("device", "size", "batch", "precision", "model")]
        cells += [f"{ours:.1f}", f"{row['waiting']:.1%}", f"{row['of_peak']:.1%}"]
        cells += [row["memory_gib"] or "-", f"{ssf:.1f}" if ssf else "not measured"]
        cells += [f"{ssf / ours:.2f}" if ssf else "-"]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
