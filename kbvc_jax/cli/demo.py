"""`kbvc demo`: the bundled clip through this codec, x264 and x265."""

import argparse
from pathlib import Path

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.runtime.progress import Progress

QUALITIES = (5.0, 25.0, 50.0, 75.0, 95.0)


def register(commands) -> None:
    parser = commands.add_parser(
        "demo",
        help="compress the bundled clip, beside x264 and x265",
        usage="kbvc demo [options]",
        description="Encode and decode the bundled clip at several qualities, with x264 and x265 "
        "beside it; print the table, draw the curves and a side-by-side picture.",
    )
    coding = parser.add_argument_group("coding")
    coding.add_argument(
        "-q",
        "--quality",
        type=kinds.quality,
        nargs="+",
        metavar="Q",
        help="0 to 100 each (default 5 25 50 75 95; refused by a model that was trained for one "
        "lambda)",
    )
    coding.add_argument(
        "--frames", type=kinds.count, metavar="N", help="only the first N of 33 (default all)"
    )
    kinds.add_checkpoint(coding)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", default="kbvc-demo", metavar="DIR", help="folder of the results (kbvc-demo)"
    )
    kinds.add_output_options(output)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    import kbvc_jax
    from kbvc_jax.runtime.backend import start_backend

    backend = start_backend()
    codec = kbvc_jax.load(arguments.checkpoint)
    from kbvc_jax.demo.run import run_demo
    from kbvc_jax.encoder.options import EncoderOptions

    for quality in arguments.quality or ():
        EncoderOptions(quality).resolved(codec.inference.model.config)  # or says why not

    progress = Progress(arguments.quiet)
    progress.say(f"the bundled clip on {backend}; some minutes on a CPU")
    print(
        run_demo(
            codec,
            Path(arguments.out),
            qualities=arguments.quality or QUALITIES,
            frames=arguments.frames,
            overwrite=arguments.overwrite,
            say=progress.say,
        )
    )
