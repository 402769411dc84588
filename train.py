#!/usr/bin/env python3
"""Train a model, or continue a run: python train.py --config=configs/smoke.py

--config.KEY=VALUE overrides a field. On a pod the same command runs on every host: with
--distributed where the cluster announces itself (TPU, SLURM, Open MPI), else with the three flags
after it.
"""

import argparse
import logging
import sys
from pathlib import Path

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.heap import keep_freed_memory


def _arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="a file under configs/")
    parser.add_argument("--run", help="folder of the run (default: runs/NAME-OF-CONFIG)")
    parser.add_argument("--minutes", type=float, help="save and stop after this time")
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
    try:
        return _train(*_arguments(sys.argv[1:] if argv is None else argv))
    except InputError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2


def _train(arguments: argparse.Namespace, overrides: list[str]) -> int:
    import jax

    if arguments.coordinator:
        jax.distributed.initialize(arguments.coordinator, arguments.processes, arguments.process)
    elif arguments.distributed:
        jax.distributed.initialize()

    from kbvc_jax.config import parse_config
    from kbvc_jax.runtime.backend import start_backend
    from kbvc_jax.training.config import TrainConfig, check
    from kbvc_jax.training.loop import DivergedError
    from kbvc_jax.training.run import run

    logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax and Grain speak of themselves
    config = parse_config(overrides, TrainConfig, arguments.config)
    start_backend()  # after jax.distributed: it asks for the devices
    check(config, jax.device_count())
    folder = arguments.run or Path("runs") / Path(arguments.config).stem
    try:
        run(config, folder, minutes=arguments.minutes)
    except DivergedError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
