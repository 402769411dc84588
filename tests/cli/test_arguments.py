"""The parser: ranges, help, and one line for whatever it cannot accept."""

from fractions import Fraction

import pytest

from kbvc_jax.cli import arguments
from kbvc_jax.cli.main import COMMANDS, main


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("encode", ("0 (small) to 100", "default 50", "1 to 32", "default 8", "--checkpoint")),
        ("decode", ("--start", "--verify", "default 0")),
        ("info", ("--json",)),
        ("complexity", ("--config",)),
        ("demo", ("5 25 50 75 95",)),
        ("export", ("--dtype", "default float32")),
    ],
)
def test_help_names_options_with_ranges_and_defaults(command, words, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert leaving.value.code == 0
    assert all(word in text for word in words)


def test_every_command_is_listed_in_the_top_level_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"\n    {command.__name__.split('.')[-1]} " in text for command in COMMANDS)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "COMMAND"),
        (["transcode"], "invalid choice: 'transcode'"),
        (["encode", "a.mp4"], "required: OUT; see kbvc encode --help"),
        (["encode", "a", "b", "-q", "101"], "101: must be from 0 to 100"),
        (["encode", "a", "b", "-q", "nan"], "must be from 0 to 100"),
        (["encode", "a", "b", "-q", "high"], "'high': must be a number"),
        (["encode", "a", "b", "--gop", "33"], "33: must be from 1 to 32, or auto"),
        (["encode", "a", "b", "--gop", "0"], "0: must be from 1 to 32, or auto"),
        (["encode", "a", "b", "--effort", "-1"], "-1: must be 0 or more"),
        (["encode", "a", "b", "--frames", "0"], "0: must be 1 or more"),
        (["encode", "a", "b", "--size", "1920"], "1920: must be WIDTHxHEIGHT"),
        (["encode", "a", "b", "--fps", "1/0"], "1/0: must be above 0"),
        (["encode", "a", "b", "--qual", "3"], "unrecognised: --qual 3"),
        (["encode", "a", "b", "--b-frames", "kernel,wavelet"], "wavelet: must be of kernel"),
        (["decode", "a", "b", "--start", "-1"], "-1: must be 0 or more"),
        (["encode", "a", "b", "--bitrate", "300kbit"], "300kbit: must be bits a second"),
        (["encode", "a", "b", "--bitrate", "0"], "0: must be bits a second, as 800k"),
        (["encode", "a", "b", "--target-size", "big"], "big: must be bytes, as 500kB"),
        (["encode", "a", "b", "--bitrate", "1k", "-q", "3"], "--quality: not allowed with"),
        (["encode", "a", "b", "--bitrate", "1k", "--target-size", "1k"], "not allowed with"),
        (["encode", "a", "b", "--preset", "slow"], "invalid choice: 'slow'"),
        (["encode", "a", "-", "--json"], "--json writes to stdout"),
        (["decode", "a", "-", "--json"], "--json writes to stdout"),
        (["decode", "a", "b", "c"], "c: is no folder"),
        (["encode", "a", "b", "-q", "3", "c"], "c: is no folder"),
        (["decode", "a", "b", "--to", "png"], "b: is no folder"),
        (["info", "a", "--config.gop=3"], "unrecognised: --config.gop=3"),
    ],
)
def test_a_bad_argument_is_one_line_and_exit_status_2(argv, words, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("kbvc: ") and captured.err.count("\n") == 1
    assert words in captured.err


def test_values_are_read_in_the_forms_that_people_write():
    assert arguments.gop("auto") == "auto" and arguments.gop("16") == 16
    assert arguments.size("416X240") == (416, 240)
    assert arguments.frame_rate("30000/1001") == Fraction(30000, 1001)
    assert arguments.frame_rate("23.976") == Fraction("23.976")
    assert arguments.quality("62.5") == 62.5
    assert arguments.bitrate("300k") == 300_000 and arguments.bitrate("1.5M") == 1_500_000
    assert arguments.file_size("2MB") == 2_000_000 and arguments.file_size("1MiB") == 2**20
    assert arguments.file_size("500") == arguments.file_size("500B") == 500
