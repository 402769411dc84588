"""`kbvc completion`: scripts that the shells themselves take and run."""

import argparse
import os
import shutil
import subprocess

import pytest

from kbvc_jax.cli.completion import described
from kbvc_jax.cli.main import COMMANDS, main
from kbvc_jax.cli.shells import WRITERS, Values, bash


def script(shell, capsys):
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.fixture
def complete(capsys, tmp_path):
    """What bash proposes for the last of these words, and whether it may be a file."""
    if os.name != "posix" or not shutil.which("bash"):
        pytest.skip("no bash")
    path = tmp_path / "kbvc.bash"
    path.write_text(script("bash", capsys))
    ask = """
    source "$1"; shift
    compopt() { echo "compopt $*"; }  # it works inside readline alone
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    $(complete -p kbvc | grep -o -- '-F [^ ]*' | cut -d' ' -f2)
    printf '%s\\n' "${COMPREPLY[@]}"
    """

    def run(*words):
        argv = ["bash", "--norc", "-c", ask, "bash", path, "kbvc", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        lines = [line for line in done.stdout.splitlines() if line]
        proposed = [line for line in lines if not line.startswith("compopt")]
        return proposed, "compopt +o default" not in lines

    return run


def test_bash_completes_commands_options_choices_and_files(complete):
    names = [command.__name__.split(".")[-1] for command in COMMANDS]
    assert complete("") == ([*names, "--help", "--version"], False)
    assert complete("in") == (["info", "inspect"], False)
    assert complete("encode", "--ro") == (["--rounding"], True)
    assert set(complete("encode", "--rounding", "")[0]) == {"nearest", "rate"}
    assert complete("encode", "a.mp4", "b.kbvc", "--matrix", "2") == (["2020"], False)
    assert complete("play", "--player", "") == (["ffplay", "mpv"], False)
    assert complete("decode", "") == ([], True)
    assert complete("decode", "--checkpoint", "") == ([], True)
    assert complete("encode", "-q", "") == ([], False)
    assert complete("completion", "f") == (["fish"], False)


def test_bash_leaves_files_to_readline(complete, capsys):
    assert script("bash", capsys).endswith("complete -o default -F _kbvc kbvc\n")


def test_bash_completes_every_option_of_every_command(complete):
    for command in _described():
        names = {name for option in command.options for name in option.names}
        assert names <= set(complete(command.name, "-")[0]), command.name


@pytest.mark.parametrize("shell", WRITERS)
def test_the_shell_itself_reads_its_script(shell, capsys, tmp_path):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"no {shell}")
    path = tmp_path / "script"
    path.write_text(script(shell, capsys))
    subprocess.run([program, "-n", path], check=True, timeout=60)


def test_fish_completes_commands_options_choices_and_files(capsys, tmp_path):
    program = shutil.which("fish")
    if not program:
        pytest.skip("no fish")
    path = tmp_path / "kbvc.fish"
    path.write_text(script("fish", capsys))
    (tmp_path / "clip.kbvc").touch()

    def complete(line):
        ask = f"source {path}; complete -C '{line}'"
        done = subprocess.run(
            [program, "--no-config", "-c", ask],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return [proposal.split("\t")[0] for proposal in done.stdout.splitlines()]

    assert complete("kbvc in") == ["info", "inspect"]
    assert complete("kbvc encode --ro") == ["--rounding"]
    assert complete("kbvc play --player ") == ["ffplay", "mpv"]
    assert complete("kbvc info cl") == ["clip.kbvc"]
    assert complete("kbvc encode -q ") == []
    assert complete("kbvc completion b") == ["bash"]


@pytest.mark.parametrize("shell", WRITERS)
def test_every_script_names_every_command_and_option(shell, capsys):
    text = script(shell, capsys)
    for command in _described():
        assert command.name in text
        for option in command.options:
            long = option.names[-1].lstrip("-")
            assert long in text


def test_a_parser_is_described_as_it_parses():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    own = commands.add_parser("draw", help="a picture")
    own.add_argument("-s", "--style", choices=("thin", "thick"), help="of 100 %% of lines")
    own.add_argument("--weights", metavar="DIR")
    own.add_argument("--count", type=int, default=3, help="lines (default %(default)s)")
    own.add_argument("--quiet", action="store_true")
    own.add_argument("file", metavar="FILE")
    (command,) = described(commands)
    assert (command.name, command.help) == ("draw", "a picture")
    found = {option.names[-1]: (option.help, option.values) for option in command.options}
    assert found["--style"] == ("of 100 % of lines", Values(words=("thin", "thick")))
    assert found["--weights"] == ("", Values(folders=True))
    assert found["--count"] == ("lines (default 3)", Values())
    assert found["--quiet"] == ("", None)
    assert [operand.values for operand in command.operands] == [Values(files=True)]
    assert '-s"|*" draw --style") words="thin thick"' in bash([command])


def test_an_unknown_shell_is_one_line(capsys):
    assert main(["completion", "csh"]) == 2
    assert "csh" in capsys.readouterr().err


def _described():
    commands = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS:
        command.register(commands)
    return described(commands)
