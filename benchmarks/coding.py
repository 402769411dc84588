"""Frames a second of encoding and decoding, beside CompressAI's scale-space flow (SSF).

    python -m venv .peer && .peer/bin/pip install torch torchvision compressai
    python benchmarks/coding.py --peer .peer/bin/python
    python benchmarks/coding.py --peer .peer/bin/python --device gpu
    python benchmarks/coding.py --configs configs/paper.py configs/ssf.py    # Table 2, untrained
    python benchmarks/coding.py --checkpoint kbvc_jax/weights --frames 33 --workers 1 2

Both codecs take turns on the same frames, so that whatever else the machine does slows both;
figures are medians over the turns, ratios those of the turns. Times are of whole clips, RGB arrays
to bytes and back, first frame included. Without a checkpoint the weights are untrained: no
convolution costs less for it, but few symbols differ from zero, in SSF too. Without --peer only
this codec is timed. Each run adds its rows to the file of --json, and the table shows all of them.

Figures: docs/performance.md. On a GPU not measured.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kbvc_jax.runtime.heap import keep_freed_memory

SIZES = ("256x256", "640x384", "1920x1080")
STEPS = ("encode", "decode")
KEYINT = 8  # frames from one I-frame to the next: those that workers share


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--frames", type=int, default=9, help="one I-frame and a GoP of 8")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--checkpoint", help="an inference checkpoint (default: untrained)")
    parser.add_argument("--configs", nargs="*", default=[], help="untrained models, in turn")
    parser.add_argument("--b-frames", nargs="+", default=[None], help="their codecs, in turn")
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="processes, in turn")
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with compressai")
    parser.add_argument("--json", type=Path, default=Path("coding.json"), metavar="FILE")
    arguments = parser.parse_args()
    keep_freed_memory()  # as the commands do
    os.environ.setdefault("JAX_PLATFORMS", {"cpu": "cpu", "gpu": "cuda"}[arguments.device])

    rows = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    for size in arguments.sizes:
        measured = measure(size, arguments)
        for name, fps in measured.items():
            rows[f"{name}, {arguments.device}, {size}"] = fps
        print(f"{size}: {measured}", file=sys.stderr)
    arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows, arguments.sizes))


def measure(size: str, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """{codec: {step: frames a second}}, and beside SSF."""
    clip = footage(*map(int, size.split("x")), arguments.frames)
    runners = {
        Path(config).stem: ours(clip, untrained(config), None) for config in arguments.configs
    }
    for codec in [] if arguments.configs else arguments.b_frames:
        for workers in arguments.workers:
            name = "kbvc" if codec is None else f"kbvc {codec}"
            name += f" by {workers} workers" if workers > 1 else ""
            runners[name] = ours(clip, loaded(arguments.checkpoint, workers), codec)
    with contextlib.ExitStack() as stack:
        if arguments.peer:
            runners["SSF"] = stack.enter_context(peer(arguments.peer, clip, arguments.device))
        seconds = {name: {step: [] for step in STEPS} for name in runners}
        for turn in range(arguments.repeats + 1):
            for step in STEPS:
                for name, run in runners.items():
                    took = run(step)
                    if turn:  # the first one compiles
                        seconds[name][step].append(took)
    fps = {
        name: {step: round(len(clip) / statistics.median(s), 3) for step, s in steps.items()}
        for name, steps in seconds.items()
    }
    for name in fps if arguments.peer else ():
        for step in STEPS:
            pairs = zip(seconds["SSF"][step], seconds[name][step], strict=True)
            fps[name][f"{step} ratio"] = round(statistics.median(a / b for a, b in pairs), 3)
    return fps


def footage(width: int, height: int, count: int) -> np.ndarray:
    """The bundled clip at another size."""
    from importlib import resources

    from PIL import Image

    from kbvc_jax import open_video

    with open_video(resources.files("kbvc_jax") / "assets" / "bunny.mp4", frames=count) as video:
        frames = [np.asarray(Image.fromarray(f).resize((width, height))) for f in video]
    return np.stack(frames)


def loaded(checkpoint: str | None, workers: int):
    import kbvc_jax

    if checkpoint:
        return kbvc_jax.load(checkpoint, workers=workers)
    return untrained("configs/kbvc.py")


def ours(clip: np.ndarray, codec: Any, b_frames: str | None):
    """A function of the step that returns its seconds."""
    data = b""

    def run(step: str) -> float:
        nonlocal data
        began = time.perf_counter()
        if step == "encode":
            data = codec.encode(clip, b_frames=b_frames, keyint=KEYINT)
        else:
            codec.decode(data)
        return time.perf_counter() - began

    return run


def untrained(config: str):
    """A codec with the model of a training config."""
    import jax

    import kbvc_jax
    from kbvc_jax.coding.tables import gaussian_tables
    from kbvc_jax.models.checkpoint import assemble
    from kbvc_jax.models.codecs.registry import CODECS
    from kbvc_jax.models.entropy_model import quantise_hyperprior
    from kbvc_jax.models.kbvc import Kbvc
    from kbvc_jax.ops.densities import scale_table
    from kbvc_jax.training.recipe import parse_training

    model = Kbvc(parse_training([], config).model)
    entropy = {}
    for prior in {p for c in CODECS.values() if c.is_in(model.config) for p in c.priors}:
        hyperprior = getattr(model, prior).hyperprior
        z = jax.random.randint(jax.random.key(0), (1, 4, 4, hyperprior.z_channels), -3, 4)
        entropy[prior] = quantise_hyperprior(hyperprior, z)
    return kbvc_jax.Codec(assemble(model, entropy, gaussian_tables(scale_table().tolist())))


@contextlib.contextmanager
def peer(python: str, clip: np.ndarray, device: str):
    """The same function, of a process in the other environment."""
    script = Path(__file__).with_name("ssf_peer.py")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/frames.npy", clip)
        command = [python, str(script), f"{folder}/frames.npy"]
        command.append({"cpu": "cpu", "gpu": "cuda"}[device])
        with subprocess.Popen(command, **pipes) as process:
            if not process.stdout.readline():
                raise SystemExit(f"{python}: cannot run compressai there")

            def run(step: str) -> float:
                print(step, file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())["seconds"]

            yield run


def table(rows: dict[str, dict[str, float]], sizes: list[str]) -> str:
    lines = [
        "| codec | device | size | step | fps | SSF fps | ratio |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    names = sorted({row.split(", ")[0] for row in rows} - {"SSF"})
    places = [
        (n, d, s, step) for n in names for d in ("cpu", "gpu") for s in sizes for step in STEPS
    ]
    for name, device, size, step in places:
        a, b = (rows.get(f"{c}, {device}, {size}", {}).get(step) for c in (name, "SSF"))
        beside = rows.get(f"{name}, {device}, {size}", {}).get(f"{step} ratio")
        ratio = f"{beside:.2f}" if beside else "-"
        cells = (f"{value:.2f}" if value else "not measured" for value in (a, b))
        lines.append(f"| {name} | {device} | {size} | {step} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
