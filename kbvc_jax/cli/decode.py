"""`kbvc decode IN OUT`."""

import argparse
from pathlib import Path

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.info import describe
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.progress import Progress


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


def run(arguments: argparse.Namespace) -> None:
    if arguments.verify and arguments.lossy:
        raise InputError("--verify compares sample by sample; --lossy output cannot pass")
    if arguments.verify and "-" in (arguments.source, arguments.target):
        raise InputError("--verify reads both files again; a pipe can be read only once")
    # Damage is found before JAX has started.
    facts = describe(Path(arguments.source)) if arguments.source != "-" else None
    import kbvc_jax
    from kbvc_jax.runtime.backend import start_backend

    progress = Progress(arguments.quiet)
    progress.say(f"decoding {arguments.source} on {start_backend()}")
    codec = kbvc_jax.load(arguments.checkpoint)
    rate = facts["kilobits_per_second"] if facts else None
    progress.start()
    summary = codec.decode_file(
        arguments.source,
        arguments.target,
        start=arguments.start,
        frames=arguments.frames,
        overwrite=arguments.overwrite,
        lossless=not arguments.lossy,
        progress=lambda frames, total: progress.step(frames, total, rate),
    )
    video, speed = summary.format, summary.frames / summary.seconds
    size = f"{video.width}x{video.height}"
    progress.say(f"{arguments.target}: {summary.frames} frames {size}, {speed:.2f} fps")
    if arguments.verify:
        from kbvc_jax.cli.verify import verify

        part = arguments.start, arguments.frames
        count = verify(codec, arguments.source, arguments.target, *part)
        progress.say(f"{arguments.target}: verified, {count} frames")
