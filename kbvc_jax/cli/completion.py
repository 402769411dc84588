"""`kbvc completion SHELL`: a script by which a shell completes commands, options and values."""

import argparse
import textwrap

from kbvc_jax.cli.shells import WRITERS, Command, Operand, Option, Values

_FILES, _FOLDERS = ("FILE", "IN", "OUT", "OUT.png"), ("DIR",)  # metavars
_WIDTH = 60  # of the help beside a proposal


def register(commands) -> None:
    parser = commands.add_parser(
        "completion",
        help="a script that completes this command in a shell",
        usage=f"kbvc completion {{{','.join(WRITERS)}}}",
        description="""\
Print a script by which a shell completes commands, options and their values:

  bash  source <(kbvc completion bash)      in ~/.bashrc
  zsh   source <(kbvc completion zsh)       in ~/.zshrc, after compinit
  fish  kbvc completion fish | source       in ~/.config/fish/config.fish""",
    )
    parser.add_argument("shell", choices=tuple(WRITERS), metavar="SHELL", help="bash, zsh or fish")
    parser.set_defaults(run=lambda arguments: print(WRITERS[arguments.shell](described(commands))))


def described(commands: argparse._SubParsersAction) -> list[Command]:
    """All commands, from their parsers."""
    helps = {action.dest: action.help or "" for action in commands._choices_actions}
    return [
        Command(name, helps[name], *_arguments(parser)) for name, parser in commands.choices.items()
    ]


def _arguments(parser: argparse.ArgumentParser) -> tuple[list[Option], list[Operand]]:
    options, operands = list[Option](), list[Operand]()
    for action in parser._actions:
        if action.option_strings:
            values = None if action.nargs == 0 else _values(action)
            options.append(Option(tuple(action.option_strings), _help(action), values))
        else:
            operands.append(Operand(str(action.metavar or action.dest), _values(action)))
    return options, operands


def _values(action: argparse.Action) -> Values:
    if action.choices is not None:
        return Values(words=tuple(map(str, action.choices)))
    return Values(files=action.metavar in _FILES, folders=action.metavar in _FOLDERS)


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action)
    return textwrap.shorten(text, _WIDTH, placeholder=" ...")
