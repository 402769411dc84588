"""`kbvc export RUN OUT`: from a training run to an inference checkpoint."""

import argparse
import logging

from kbvc_jax.runtime.progress import Progress


def register(commands) -> None:
    parser = commands.add_parser(
        "export",
        help="turn a training run into weights",
        usage="kbvc export [options] RUN OUT",
        description="Write the inference checkpoint of a training run, or of a config's stages "
        "joined: EMA weights, integer scale decoders, probability tables and a model card. "
        "`--checkpoint OUT` loads it.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder that train.py wrote")
    parser.add_argument("target", metavar="OUT", help="new checkpoint folder")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16", "bfloat16"),
        default="float32",
        help="of the stored weights (default float32); float16 halves them and rounds less than "
        "bfloat16",
    )
    card = parser.add_argument_group("what the model card says")
    card.add_argument(
        "--data",
        metavar="TEXT",
        default="",
        help="what it was trained on (default: what the weights were that it began with)",
    )
    card.add_argument(
        "--licence",
        metavar="TEXT",
        default="",
        help="of the weights (default: that of those that it began with)",
    )
    card.add_argument("--hardware", metavar="TEXT", default="", help="that trained it")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace OUT if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from kbvc_jax.runtime.backend import start_backend
    from kbvc_jax.training.export import export_run

    logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax speaks of itself
    progress = Progress(quiet=False)
    progress.say(f"exporting {arguments.run_folder} on {start_backend()}")
    card = export_run(
        arguments.run_folder,
        arguments.target,
        dtype=arguments.dtype,
        overwrite=arguments.overwrite,
        data=arguments.data,
        licence=arguments.licence,
        hardware=arguments.hardware,
    )
    progress.say(f"{arguments.run_folder}: {card['checkpoint']}")
    print(arguments.target)
