"""`kbvc COMMAND`: parses, runs, and turns whatever went wrong into one line and an exit status."""

import argparse
import sys
from collections.abc import Callable, Sequence

import kbvc_jax
from kbvc_jax.cli import (
    bench,
    completion,
    decode,
    demo,
    encode,
    export,
    info,
    inspect,
    model,
    play,
    selftest,
)
from kbvc_jax.cli.arguments import Parser
from kbvc_jax.runtime.exit import exit_status

COMMANDS = (encode, decode, play, info, inspect, model, demo, bench, selftest, export, completion)
EXAMPLES = """\
examples:
  kbvc encode clip.mp4 clip.kbvc -q 60      kbvc decode clip.kbvc clip.y4m
  kbvc info clip.kbvc                       kbvc demo
  kbvc play clip.kbvc                       kbvc bench clip.mp4 -q 60
  kbvc inspect clip.kbvc --frame 4 sheet.png
"""


def main(argv: Sequence[str] | None = None) -> int:
    return exit_status(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int | None:
    parser = _parser()
    arguments, overrides = parser.parse_known_args(argv)
    if overrides and not arguments.takes_overrides:
        parser.error(f"unrecognised: {' '.join(overrides)}")
    arguments.overrides = overrides
    run: Callable[[argparse.Namespace], int | None] = arguments.run
    return run(arguments)


def _parser() -> Parser:
    parser = Parser(
        prog="kbvc",
        description="Learned B-frame video compression: real bitstreams that any machine decodes.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"kbvc {kbvc_jax.__version__}")
    parser.set_defaults(takes_overrides=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
