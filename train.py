#!/usr/bin/env python3
"""Train a model, or continue where it stopped: python train.py --config=configs/smoke.py

A config of several stages runs all of them in order, each in the folder RUN/NAME and from the
weights of those before it, and skips what is done. --config.KEY=VALUE overrides a field, of every
stage if there are several, and --config.NAME.KEY=VALUE that of one. On a pod the same command runs
on every host: with --distributed where the cluster announces itself (TPU, SLURM, Open MPI), else
with the three flags after it.
"""

import argparse
import logging
import sys
from pathlib import Path

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.runtime.heap import keep_freed_memory


def _arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="a file under configs/")
    parser.add_argument("--run", help="folder of the run (default: runs/NAME-OF-CONFIG)")
    parser.add_argument("--stage", metavar="NAME", help="train this stage alone")
    parser.add_argument(
        "--minutes", type=float, help="save and stop after this time, over all stages together"
    )
    parser.add_argument("--distributed", action="store_true", help="find the other hosts")
    parser.add_argument("--coordinator", help="HOST:PORT of process 0")
    parser.add_argument("--processes", type=int, help="how many there are")
    parser.add_argument("--process", type=int, help="which one this is, from 0")
    known, overrides = parser.parse_known_args(argv)
    explicit = (known.coordinator, known.processes, known.process)
    if any(flag is not None for flag in explicit) and None in explicit:
        raise InputError("--coordinator, --processes and --process go together")
    return known, overrides


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    return exit_status(lambda: _train(*_arguments(words)), "train.py")


def _train(arguments: argparse.Namespace, overrides: list[str]) -> int:
    import jax

    if arguments.coordinator:
        jax.distributed.initialize(arguments.coordinator, arguments.processes, arguments.process)
    elif arguments.distributed:
        jax.distributed.initialize()

    from kbvc_jax.runtime.backend import start_backend
    from kbvc_jax.training.loop import DivergedError
    from kbvc_jax.training.recipe import Recipe, check_training, parse_training
    from kbvc_jax.training.run import run
    from kbvc_jax.training.run_recipe import run_recipe
    from kbvc_jax.training.stopping import Stopping

    logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax and Grain speak of themselves
    config = parse_training(overrides, arguments.config)
    start_backend()  # after jax.distributed: it asks for the devices
    check_training(config, jax.device_count())
    folder = arguments.run or Path("runs") / Path(arguments.config).stem
    stopping = Stopping(None if arguments.minutes is None else 60 * arguments.minutes)
    try:
        if isinstance(config, Recipe):
            run_recipe(config, folder, only=arguments.stage, stopping=stopping)
        elif arguments.stage:
            raise InputError(f"{arguments.config}: has no stages; leave --stage out")
        else:
            run(config, folder, stopping=stopping)
    except DivergedError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
