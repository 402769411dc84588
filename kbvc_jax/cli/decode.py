"""`kbvc decode IN... OUT`."""

import argparse
import functools
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.info import describe
from kbvc_jax.cli.several import into_folder, run_each
from kbvc_jax.coding.limits import USUAL, Limits
from kbvc_jax.runtime.backend import start_backend
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import RECOVERED, warn
from kbvc_jax.runtime.progress import Progress, compiling

if TYPE_CHECKING:
    from kbvc_jax.api import Codec
    from kbvc_jax.summary import DecodeSummary

KINDS = {"y4m": ".y4m", "yuv": ".yuv", "mp4": ".mp4", "mkv": ".mkv", "png": ""}  # --to: suffix


def register(commands) -> None:
    parser = commands.add_parser(
        "decode",
        help="turn a .kbvc file back into video",
        usage="kbvc decode [options] IN... OUT",
        description="Decode a .kbvc file, or several to a folder. A seek decodes only the groups "
        "of pictures it needs.",
    )
    files = parser.add_argument_group("files")
    files.add_argument("sources", metavar="IN", nargs="+", help=".kbvc file, or - for stdin")
    files.add_argument(
        "target",
        metavar="OUT",
        help=".y4m, .yuv, .mp4 or .mkv (lossless), a folder for PNGs, or - (y4m to stdout); of "
        "several inputs, or with --to, a folder for a file an input; one that ends in a slash is "
        "made",
    )
    decoding = parser.add_argument_group("decoding")
    decoding.add_argument(
        "--start", type=kinds.index, default=0, metavar="N", help="first frame (default 0)"
    )
    decoding.add_argument(
        "--frames", type=kinds.count, metavar="N", help="how many frames (default all)"
    )
    kinds.add_checkpoint(decoding)
    kinds.add_parallel(decoding)
    decoding.add_argument(
        "--recover",
        action="store_true",
        help="of a damaged file write all that is whole; the last whole frame stands for each that "
        "is lost, or the first one where none comes before it; exit status 3 if any is lost",
    )
    decoding.add_argument(
        "--max-pixels",
        type=kinds.count,
        default=USUAL.pixels,
        metavar="N",
        help="refuse a file with more pixels a frame (default %(default)s, enough for 8K)",
    )
    decoding.add_argument(
        "--max-frames",
        type=kinds.count,
        default=USUAL.frames,
        metavar="N",
        help="refuse a file of more frames (default %(default)s)",
    )
    output = parser.add_argument_group("output")
    kinds.add_output_options(output)
    kinds.add_json(output)
    output.add_argument(
        "--to",
        choices=KINDS,
        help="kind of the files in the folder OUT; png is a folder for each (default y4m, where "
        "there are several inputs)",
    )
    output.add_argument(
        "--lossy", action="store_true", help=".mp4 or .mkv that every player knows, not lossless"
    )
    output.add_argument(
        "--verify",
        action="store_true",
        help="afterwards read OUT back and compare it with a second decoding",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.recover and "-" in arguments.sources:
        raise InputError("--recover reads the file's end first; a pipe can be read only once")
    if arguments.recover and arguments.verify:
        raise InputError("--verify compares with a second decoding, which refuses damage")
    if arguments.verify and arguments.lossy:
        raise InputError("--verify compares sample by sample; --lossy output cannot pass")
    if arguments.verify and "-" in (*arguments.sources, arguments.target):
        raise InputError("--verify reads both files again; a pipe can be read only once")
    if arguments.recover and max(arguments.workers, arguments.devices) > 1:
        raise InputError("--recover is the work of one; leave out --workers and --devices")
    if arguments.json and arguments.target == "-":
        raise InputError("--json writes to stdout, and so does OUT -; name a file")
    jobs = [(source, arguments.target) for source in arguments.sources]
    if len(jobs) > 1 or arguments.to:
        jobs = into_folder(arguments.sources, arguments.target, KINDS[arguments.to or "y4m"])

    @functools.cache
    def codec() -> "Codec":
        import kbvc_jax

        start_backend(arguments.threads)
        shared = {"devices": arguments.devices, "workers": arguments.workers}
        return kbvc_jax.load(arguments.checkpoint, **shared)

    if len(jobs) > 1:
        codec()  # what is wrong with it is no input's fault, and said once
    return run_each(jobs, lambda source, target: _decode(arguments, codec, source, target))


def _decode(
    arguments: argparse.Namespace, codec: "Callable[[], Codec]", source: str, target: str
) -> int:
    limits = Limits(arguments.max_pixels, arguments.max_frames)
    # Damage is found before JAX has started.
    known = source != "-" and not arguments.recover
    facts = describe(Path(source), limits) if known else None
    progress = Progress(arguments.quiet)
    progress.say(f"decoding {source} on {start_backend(arguments.threads)}")
    model = codec()
    rate = facts["kilobits_per_second"] if facts else None
    progress.start(compiling(facts["width"], facts["height"]) if facts else "")
    summary = model.decode_file(
        source,
        target,
        start=arguments.start,
        frames=arguments.frames,
        overwrite=arguments.overwrite,
        recover=arguments.recover,
        limits=limits,
        lossless=not arguments.lossy,
        progress=lambda frames, total: progress.step(frames, total, rate),
    )
    video, speed = summary.format, summary.frames / summary.seconds
    size = f"{video.width}x{video.height}"
    progress.say(f"{target}: {summary.frames} frames {size}, {speed:.2f} fps")
    if arguments.verify:
        from kbvc_jax.cli.verify import verify

        part = arguments.start, arguments.frames
        count = verify(model, source, target, *part, limits)
        progress.say(f"{target}: verified, {count} frames")
    if arguments.json:
        print(json.dumps(_facts(source, target, summary)), flush=True)
    if not summary.concealed:
        return 0
    lost = spans(summary.concealed)
    count = f"{len(summary.concealed)} of {summary.frames} frames"
    warn(f"{source}: damaged; {count} concealed: {lost}")
    return RECOVERED


def _facts(source: str, target: str, summary: "DecodeSummary") -> dict[str, Any]:
    """Under the names that `kbvc info --json` has."""
    video = summary.format
    return {
        "source": source,
        "file": target,
        "width": video.width,
        "height": video.height,
        "frames": summary.frames,
        "frame_rate": str(video.rate),
        "bit_depth": video.bit_depth,
        "chroma": video.chroma,
        "concealed": list(summary.concealed),
        "coding_seconds": summary.seconds,
    }


def spans(numbers: Sequence[int]) -> str:
    """Ascending numbers, runs of them joined: 3, 5-8."""
    runs = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(pairs) for _, pairs in runs)]
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ends)
