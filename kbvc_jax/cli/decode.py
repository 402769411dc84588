"""`kbvc decode IN OUT`."""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.info import describe
from kbvc_jax.coding.limits import USUAL, Limits
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import RECOVERED
from kbvc_jax.runtime.progress import Progress, compiling

if TYPE_CHECKING:
    from kbvc_jax.summary import DecodeSummary


def register(commands) -> None:
    parser = commands.add_parser(
        "decode",
        help="turn a .kbvc file back into video",
        usage="kbvc decode [options] IN OUT",
        description="Decode a .kbvc file. A seek decodes only the groups of pictures it needs.",
    )
    files = parser.add_argument_group("files")
    files.add_argument("source", metavar="IN", help=".kbvc file, or - for stdin")
    files.add_argument(
        "target",
        metavar="OUT",
        help=".y4m, .yuv, .mp4 or .mkv (lossless), a folder for PNGs, or - (y4m to stdout)",
    )
    decoding = parser.add_argument_group("decoding")
    decoding.add_argument(
        "--start", type=kinds.index, default=0, metavar="N", help="first frame (default 0)"
    )
    decoding.add_argument(
        "--frames", type=kinds.count, metavar="N", help="how many frames (default all)"
    )
    kinds.add_checkpoint(decoding)
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
    if arguments.recover and arguments.source == "-":
        raise InputError("--recover reads the file's end first; a pipe can be read only once")
    if arguments.recover and arguments.verify:
        raise InputError("--verify compares with a second decoding, which refuses damage")
    if arguments.verify and arguments.lossy:
        raise InputError("--verify compares sample by sample; --lossy output cannot pass")
    if arguments.verify and "-" in (arguments.source, arguments.target):
        raise InputError("--verify reads both files again; a pipe can be read only once")
    limits = Limits(arguments.max_pixels, arguments.max_frames)
    # Damage is found before JAX has started.
    known = arguments.source != "-" and not arguments.recover
    facts = describe(Path(arguments.source), limits) if known else None
    import kbvc_jax
    from kbvc_jax.runtime.backend import start_backend

    progress = Progress(arguments.quiet)
    progress.say(f"decoding {arguments.source} on {start_backend()}")
    codec = kbvc_jax.load(arguments.checkpoint)
    rate = facts["kilobits_per_second"] if facts else None
    progress.start(compiling(facts["width"], facts["height"]) if facts else "")
    summary = codec.decode_file(
        arguments.source,
        arguments.target,
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
    progress.say(f"{arguments.target}: {summary.frames} frames {size}, {speed:.2f} fps")
    if arguments.verify:
        from kbvc_jax.cli.verify import verify

        part = arguments.start, arguments.frames
        count = verify(codec, arguments.source, arguments.target, *part, limits)
        progress.say(f"{arguments.target}: verified, {count} frames")
    if not summary.concealed:
        return 0
    _say_concealed(arguments.source, summary)
    return RECOVERED


def _say_concealed(source: str, summary: "DecodeSummary") -> None:
    """Quiet or not: it is a warning."""
    lost = summary.concealed
    print(
        f"kbvc: {source}: damaged; {len(lost)} of {summary.frames} frames concealed: {spans(lost)}",
        file=sys.stderr,
    )


def spans(numbers: Sequence[int]) -> str:
    """Ascending numbers, runs of them joined: 3, 5-8."""
    runs = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(pairs) for _, pairs in runs)]
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ends)
