"""Commands described in words that bash, zsh and fish complete by."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple


class Values(NamedTuple):
    """What may stand in a place; without any of these, anything."""

    words: tuple[str, ...] = ()
    files: bool = False
    folders: bool = False


class Option(NamedTuple):
    names: tuple[str, ...]
    help: str
    values: Values | None  # None: it takes none


class Operand(NamedTuple):
    name: str
    values: Values


class Command(NamedTuple):
    name: str
    help: str
    options: Sequence[Option]
    operands: Sequence[Operand]


def bash(commands: Sequence[Command]) -> str:
    """Files are left to readline, which knows how to quote them."""
    lines = [
        "_kbvc() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" words="" files=""',
        '    case "$COMP_CWORD ${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}" in',
        f'        "1 "*) words="{" ".join(c.name for c in commands)} --help --version" ;;',
        *(f"        {case} ;;" for command in commands for case in _bash_cases(command)),
        "    esac",
        '    [ "$files$word" = yes ] && words=""',
        '    [ "$files" ] || compopt +o default 2>/dev/null',
        '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
        "}",
        "complete -o default -F _kbvc kbvc",
    ]
    return "\n".join(lines)


def _bash_cases(command: Command) -> Iterator[str]:
    """The first that matches counts: what follows an option, then all other places."""

    def then(words: Iterable[str], files: bool) -> str:
        return f'words="{" ".join(words)}"' + "; files=yes" * files

    for option in command.options:
        if values := option.values:
            places = "|".join(f'*" {command.name} {name}"' for name in option.names)
            yield f"{places}) {then(values.words, values.files or values.folders)}"
    names = [name for option in command.options for name in option.names]
    words = [word for operand in command.operands for word in operand.values.words]
    files = any(operand.values.files or operand.values.folders for operand in command.operands)
    yield f'*" {command.name} "*) {then([*words, *names], files)}'


def zsh(commands: Sequence[Command]) -> str:
    listed = " ".join(_quoted(f"{_colons(c.name)}:{_colons(c.help)}") for c in commands)
    cases = [
        f"                {command.name}) _arguments {' '.join(_zsh_arguments(command))} ;;"
        for command in commands
    ]
    lines = [
        "#compdef kbvc",
        "_kbvc() {",
        "    local context state state_descr line",
        "    typeset -A opt_args",
        "    _arguments -C '(-h --help)'{-h,--help}'[what there is]' '--version[which it is]' \\",
        "        '1:command:->command' '*::argument:->argument'",
        "    case $state in",
        "        command)",
        f"            local -a commands=({listed})",
        "            _describe command commands ;;",
        "        argument)",
        "            case $line[1] in",
        *cases,
        "            esac ;;",
        "    esac",
        "}",
        "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then",  # it lies in a folder of $fpath
        '    _kbvc "$@"',
        "else",
        "    compdef _kbvc kbvc",
        "fi",
    ]
    return "\n".join(lines)


def _zsh_arguments(command: Command) -> Iterator[str]:
    for option in command.options:
        names = " ".join(option.names)
        value = "" if option.values is None else f": :{_zsh_values(option.values)}"
        for name in option.names:
            yield _quoted(f"({names}){name}[{_colons(option.help, '[]')}]{value}")
    for operand in command.operands:
        yield _quoted(f":{_colons(operand.name)}:{_zsh_values(operand.values)}")


def _zsh_values(values: Values) -> str:
    if values.words:
        return f"({' '.join(values.words)})"
    return "_files" if values.files else "_files -/" if values.folders else ""


def _colons(text: str, more: str = "") -> str:
    """Those, and `more`, without their meaning."""
    return "".join(f"\\{letter}" if letter in f":\\{more}" else letter for letter in text)


def fish(commands: Sequence[Command]) -> str:
    first = "complete -c kbvc -n __fish_use_subcommand"
    lines = ["complete -c kbvc -f", f"{first} -s h -l help", f"{first} -l version"]
    for command in commands:
        after = f"complete -c kbvc -n '__fish_seen_subcommand_from {command.name}'"
        lines.append(f"{first} -a {command.name} -d {_quoted(command.help)}")
        lines += [f"{after} {rest}" for rest in _fish_rest(command)]
    return "\n".join(lines)


def _fish_rest(command: Command) -> Iterator[str]:
    for option in command.options:
        names = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
        )
        value = "" if option.values is None else f" -r {_fish_values(option.values)}"
        yield f"{names}{value} -d {_quoted(option.help)}"
    for values in {operand.values for operand in command.operands}:
        yield _fish_values(values)


def _fish_values(values: Values) -> str:
    if values.words:
        return f"-f -a {_quoted(' '.join(values.words))}"
    if values.folders:
        return "-f -a '(__fish_complete_directories)'"
    return "-F" if values.files else "-f"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


WRITERS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
