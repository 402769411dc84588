"""`kbvc encode IN... OUT`."""

import argparse
import functools
from typing import get_args

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.several import into_folder, is_folder, run_each
from kbvc_jax.encoder.presets import BALANCED, PRESETS
from kbvc_jax.models.config import Rounding
from kbvc_jax.runtime.errors import InputError

# Figures: benchmarks/presets.py.
PRESET_HELP = (
    f"options under a name; those given beside it win (default {BALANCED}). fast is --gop 8 "
    "--b-frames motion: 1.5 times as many frames a second encoded, 1.3 times decoded, at "
    "3 %% more rate for the same PSNR. best is --gop auto --b-frames compensated,predicted "
    "--effort 16: 11 %% less rate, 17 times the time to encode, 1.4 times to decode. "
    f"So on the bundled clip, against {BALANCED}, by version 0.27.0; a preset does "
    "without codecs that the model lacks"
)


def register(commands) -> None:
    parser = commands.add_parser(
        "encode",
        help="compress a video",
        usage="kbvc encode [options] IN... OUT",
        description="Compress a video to a .kbvc file, or several to a folder.",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "sources",
        metavar="IN",
        nargs="+",
        help="video file, .y4m, .yuv, folder of PNGs, or - (y4m on stdin)",
    )
    files.add_argument(
        "target",
        metavar="OUT",
        help=".kbvc file, - for stdout, or a folder for a .kbvc file an input; one that ends in a "
        "slash is made",
    )

    rate = parser.add_argument_group("rate, by one of")
    rate = rate.add_mutually_exclusive_group()
    kinds.add_quality(rate)
    rate.add_argument(
        "--bitrate",
        type=kinds.bitrate,
        metavar="R",
        help="bits a second, as 300k or 1.5M: the quality that takes as many, within 3 %%, is "
        "searched for by some three whole encodes",
    )
    rate.add_argument(
        "--target-size",
        type=kinds.file_size,
        metavar="B",
        help="bytes of the file, as 500kB, 2MB or 1MiB, in the same way",
    )

    coding = parser.add_argument_group("coding")
    coding.add_argument(
        "--preset",
        choices=PRESETS,
        default=BALANCED,
        help=PRESET_HELP,
    )
    kinds.add_group_options(coding)
    coding.add_argument(
        "--keyint",
        type=kinds.count,
        metavar="N",
        help="frames from one I-frame to the next, at most; P-frames close the groups between "
        "(default: 32; as many as --gop for a model of one lambda)",
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
        metavar="N",
        help="steps of refinement, by the decoder's gradient, of frames that others refer to: less "
        "rate for the same quality; decoding takes no longer (default 0)",
    )
    coding.add_argument(
        "--frames", type=kinds.count, metavar="N", help="only the first N frames (default all)"
    )
    kinds.add_model(coding)
    kinds.add_parallel(coding)

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
    kinds.add_json(output)
    output.add_argument("--psnr", action="store_true", help="report the PSNR of the RGB frames")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.json and arguments.target == "-":
        raise InputError("--json writes to stdout, and so does OUT -; name a file")
    jobs = [(source, arguments.target) for source in arguments.sources]
    if len(jobs) > 1 or is_folder(arguments.target):
        jobs = into_folder(arguments.sources, arguments.target, ".kbvc")
    from kbvc_jax.cli.encoding import Encoding, load

    codec = functools.cache(functools.partial(load, arguments))
    if len(jobs) > 1:
        codec()  # what is wrong with it is no input's fault, and said once
    return run_each(jobs, lambda source, target: Encoding(arguments, source, codec).write(target))
