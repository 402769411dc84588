"""`kbvc COMMAND`: parses, runs, and turns whatever went wrong into one line and an exit status."""

import argparse
import sys
from collections.abc import Callable, Sequence

import kbvc_jax
from kbvc_jax.cli import (
    bench,
    completion,
    complexity,
    decode,
    demo,
    encode,
    export,
    info,
    inspect,
    models,
    play,
    selftest,
)
from kbvc_jax.cli.arguments import Parser
from kbvc_jax.runtime.exit import exit_status

COMMANDS = (
    encode,
    decode,
    play,
    info,
    inspect,
    models,
    complexity,
    demo,
    bench,
    selftest,
    export,
    completion,
)
EXAMPLES = """\
examples:
  kbvc encode clip.mp4 clip.kbvc -q 60              kbvc decode clip.kbvc clip.y4m
  kbvc encode clip.mp4 clip.kbvc --bitrate 300k     kbvc play clip.kbvc
  kbvc encode a.mp4 b.mp4 OUT/ --preset best        kbvc decode a.kbvc b.kbvc OUT/ --to mp4
  kbvc inspect clip.kbvc --frame 4 sheet.png        kbvc bench clip.mp4 -q 60
"""


def main(argv: Sequence[str] | None = None) -> int:
    return exit_status(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int | None:
    parser = _parser()
    arguments, overrides = _files_joined(*parser.parse_known_args(argv))
    if overrides and not arguments.takes_overrides:
        parser.error(f"unrecognised: {' '.join(overrides)}")
    arguments.overrides = overrides
    run: Callable[[argparse.Namespace], int | None] = arguments.run
    return run(arguments)


def _files_joined(
    arguments: argparse.Namespace, rest: list[str]
) -> tuple[argparse.Namespace, list[str]]:
    """argparse takes several files only where no option stands between; those after it are left."""
    if "sources" in arguments and not any(word.startswith("-") for word in rest):
        *arguments.sources, arguments.target = *arguments.sources, arguments.target, *rest
        rest = []
    return arguments, rest


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
