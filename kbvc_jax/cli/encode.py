"""`kbvc encode IN OUT`."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, get_args

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.models.config import Rounding
from kbvc_jax.runtime.errors import about
from kbvc_jax.runtime.progress import Progress, compiling, kilobits_per_second

if TYPE_CHECKING:
    from kbvc_jax.video.reader import VideoReader


def register(commands) -> None:
    parser = commands.add_parser(
        "encode",
        help="compress a video",
        usage="kbvc encode [options] IN OUT",
        description="Compress a video to a .kbvc file.",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "source", metavar="IN", help="video file, .y4m, .yuv, folder of PNGs, or - (y4m on stdin)"
    )
    files.add_argument("target", metavar="OUT", help=".kbvc file, or - for stdout")

    coding = parser.add_argument_group("coding")
    kinds.add_coding_options(coding)
    coding.add_argument(
        "--keyint",
        type=kinds.count,
        metavar="N",
        help="frames from one I-frame to the next, at most; P-frames close the groups between "
        "(default: as many as --gop, 32 with auto)",
    )
    coding.add_argument(
        "--rounding",
        choices=get_args(Rounding),
        help="symbols by rate and distortion, or the nearest integers (default: rate; nearest for "
        "a model of one lambda)",
    )
    coding.add_argument(
        "--effort",
        type=kinds.index,
        default=0,
        metavar="N",
        help="steps of refinement, by the decoder's gradient, of frames that others refer to: less "
        "rate for the same quality; decoding takes no longer (default 0; auto: at least 16)",
    )
    coding.add_argument(
        "--frames", type=kinds.count, metavar="N", help="only the first N frames (default all)"
    )
    kinds.add_checkpoint(coding)

    source = parser.add_argument_group("source, where the file itself does not say")
    source.add_argument("--size", type=kinds.size, metavar="WxH", help="of raw .yuv frames")
    source.add_argument("--fps", type=kinds.frame_rate, metavar="R", help="25, 23.976, 30000/1001")
    source.add_argument(
        "--pixel-format", metavar="F", help="of raw .yuv: yuv420p, yuv422p10le, gray, ..."
    )
    source.add_argument(
        "--matrix", choices=("601", "709", "2020"), help="BT. colour matrix (default 709)"
    )
    source.add_argument(
        "--range", choices=("limited", "full"), help="of the samples (default limited)"
    )

    output = parser.add_argument_group("output")
    kinds.add_output_options(output)
    output.add_argument("--psnr", action="store_true", help="report the PSNR of the RGB frames")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from kbvc_jax.runtime.output import whole_file
    from kbvc_jax.video.reader import open_video

    full_range = None if arguments.range is None else arguments.range == "full"
    reader = open_video(
        arguments.source,
        size=arguments.size,
        rate=arguments.fps,
        pixel_format=arguments.pixel_format,
        matrix=arguments.matrix,
        full_range=full_range,
        frames=arguments.frames,
    )
    with reader, whole_file(arguments.target, arguments.overwrite) as file:
        _encode(arguments, reader, file)


def _encode(arguments: argparse.Namespace, reader: "VideoReader", file: BinaryIO) -> None:
    import kbvc_jax
    from kbvc_jax.cli.comparison import Comparison
    from kbvc_jax.runtime.backend import start_backend

    progress, video = Progress(arguments.quiet), reader.format
    size = f"{video.width}x{video.height}"
    progress.say(f"encoding {arguments.source} ({size}) on {start_backend()}")
    _say_left_out(progress, reader.left_out)
    told = len(reader.left_out)
    codec = kbvc_jax.load(arguments.checkpoint)

    def step(frames: int) -> None:
        written = file.tell() if file.seekable() else None
        rate = written and kilobits_per_second(written, frames, video.rate)
        progress.step(frames, reader.expected, rate)

    comparison = Comparison(video.bit_depth) if arguments.psnr else None
    progress.start(compiling(video.width, video.height))
    with about(arguments.source):
        summary = codec.encode_stream(
            comparison.remember(reader) if comparison else reader,
            video,
            file,
            arguments.quality,
            gop=arguments.gop,
            keyint=arguments.keyint,
            effort=arguments.effort,
            b_frames=arguments.b_frames,
            rounding=arguments.rounding,
            progress=step,
            on_frame=comparison.compare if comparison else None,
        )
    _say_left_out(progress, reader.left_out[told:])
    pixels = summary.frames * video.width * video.height
    parts = [
        f"{summary.frames} frames {size}",
        f"{summary.bytes:,} bytes",
        f"{summary.bytes * 8 / pixels:.4f} bits a pixel",
        f"{kilobits_per_second(summary.bytes, summary.frames, video.rate):.1f} kb/s",
        f"{summary.frames / summary.seconds:.2f} fps",
    ]
    if comparison:
        parts.append(f"PSNR {comparison.psnr:.2f} dB")
    progress.say(f"{arguments.target}: {', '.join(parts)}")


def _say_left_out(progress: Progress, left_out: Sequence[str]) -> None:
    if left_out:
        progress.say(f"not kept in a .kbvc file: {', '.join(left_out)}")
