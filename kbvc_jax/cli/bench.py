"""`kbvc bench [FILE]`: frames a second on this machine, stage by stage."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kbvc_jax
from kbvc_jax.cli import arguments as kinds
from kbvc_jax.runtime.progress import Progress

if TYPE_CHECKING:
    from kbvc_jax.bench.run import Report, Side

CLIP = Path(kbvc_jax.__file__).parent / "assets" / "bunny.mp4"
FRAMES = 33


def register(commands) -> None:
    parser = commands.add_parser(
        "bench",
        help="frames a second on this machine, by stage",
        usage="kbvc bench [options] [FILE]",
        description="Encode and decode a clip three times: the first compiles, the second gives "
        "the frames a second, the third those of each stage. For that it waits for each step on "
        "the device, which coding itself does not, so that stages may add up to more than the "
        "second took. Prediction is interpolation and all else that comes of references alone, "
        "synthesis ends with the frame, prices is the rate by the probability tables.",
    )
    parser.add_argument(
        "file", nargs="?", default=str(CLIP), metavar="FILE", help="video (the bundled clip)"
    )
    coding = parser.add_argument_group("coding")
    kinds.add_quality(coding)
    kinds.add_group_options(coding)
    coding.add_argument(
        "--frames",
        type=kinds.count,
        default=FRAMES,
        metavar="N",
        help="only the first N frames (default %(default)s; all are held in memory)",
    )
    kinds.add_model(coding)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="seconds, as JSON")
    output.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from kbvc_jax.runtime.backend import start_backend

    progress, backend = Progress(arguments.quiet), start_backend()
    progress.say(f"{arguments.file} on {backend}")
    from kbvc_jax.bench.run import bench

    codec = kbvc_jax.load(arguments.checkpoint, model=arguments.model)
    options = {
        "quality": arguments.quality,
        "gop": arguments.gop,
        "b_frames": arguments.b_frames,
        "p_frames": arguments.p_frames,
    }
    report = bench(codec, arguments.file, arguments.frames, options, progress.say)
    facts = _facts(arguments.file, backend, report)
    print(json.dumps(facts, indent=2) if arguments.json else "\n".join(_text(facts)))


def _facts(file: str, backend: str, report: "Report") -> dict[str, Any]:
    """All times in seconds, for the whole clip."""
    return {
        "file": file,
        "version": kbvc_jax.__version__,
        "backend": backend,
        "width": report.format.width,
        "height": report.format.height,
        "frames": report.frames,
        "quality": report.options.quality,
        "gop": report.options.gop,
        "b_frames": report.options.b_frames,
        "bytes": report.bytes,
        "read": report.read,
        "encode": _side(report.encode),
        "decode": _side(report.decode),
        "write": report.write,
        "peak_memory": report.peak_memory,
    }


def _side(side: "Side") -> dict[str, Any]:
    return {
        "compiling": side.compiling,
        "seconds": side.second,
        "seconds_by_stage": side.stages,
        "seconds_of_all_stages": side.third,
    }


def _text(facts: dict[str, Any]) -> Iterator[str]:
    frames, encode, decode = facts["frames"], facts["encode"], facts["decode"]

    def row(name: str, seconds: float, share: str = "") -> str:
        return f"{name:16}  {frames / seconds:11.2f}  {1000 * seconds / frames:11.2f}  {share:>5}"

    quality = "one quality" if facts["quality"] is None else f"quality {facts['quality']:g}"
    yield (
        f"{facts['width']}x{facts['height']}, {frames} frames, {quality}, "
        f"GoP {facts['gop']}, B-frames {facts['b_frames']}, kbvc {facts['version']}"
    )
    yield f"{'':16}  {'frames/s':>11}  {'ms/frame':>11}  share"
    yield row("read, to RGB", facts["read"])
    for name, side in (("encode", encode), ("decode", decode)):
        yield row(name, side["seconds"])
        for stage, seconds in side["seconds_by_stage"].items():
            yield row(f"  {stage}", seconds, f"{seconds / side['seconds_of_all_stages']:.0%}")
    yield row("write as y4m", facts["write"])
    yield (
        f"compiling: {encode['compiling']:.1f} s before the first encode, "
        f"{decode['compiling']:.1f} s before the first decode; less where programs are kept"
    )
    if facts["peak_memory"] is not None:
        yield f"peak memory: {facts['peak_memory'] >> 20:,} MiB"
