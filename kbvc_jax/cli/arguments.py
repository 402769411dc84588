"""What the subcommands' parsers share: kinds of values with their ranges, and common options."""

import argparse
import math
import string
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, NoReturn

from kbvc_jax.codec.schedule import MAX_GOP
from kbvc_jax.models.codecs.numbers import between, inter
from kbvc_jax.rate import MAX_QUALITY
from kbvc_jax.runtime.errors import InputError


class Parser(argparse.ArgumentParser):
    """Errors in one line, the help in columns."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=_Help, **options)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28, width=100)

    def add_argument(self, action: argparse.Action) -> None:
        """Commands are indented, which argparse forgets where it finds the column of the helps."""
        super().add_argument(action)
        for command in self._iter_indented_subactions(action):
            length = len(self._format_action_invocation(command)) + self._current_indent
            self._action_max_length = max(self._action_max_length, length)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Examples keep their lines."""
        return text if "\n" in text else super()._fill_text(text, width, indent)


def quality(text: str) -> float:
    value = _number(float, text)
    if not 0 <= value <= MAX_QUALITY:
        raise argparse.ArgumentTypeError(f"{text}: must be from 0 to {MAX_QUALITY}")
    return value


def bitrate(text: str) -> float:
    """Bits a second."""
    units = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    return _with_unit(text, units, "bits a second, as 800k or 1.5M")


def file_size(text: str) -> float:
    """Bytes."""
    units = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    units |= {"K": units["k"], "ki": units["Ki"]}
    return _with_unit(text.removesuffix("B"), units, "bytes, as 500kB, 2MB or 1MiB")


def gop(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isdecimal() or not 1 <= int(text) <= MAX_GOP:
        raise argparse.ArgumentTypeError(f"{text}: must be from 1 to {MAX_GOP}, or auto")
    return int(text)


def b_frames(text: str) -> str:
    return _names(text, between())


def p_frames(text: str) -> str:
    return _names(text, inter())


def count(text: str) -> int:
    value = _number(int, text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 or more")
    return value


def index(text: str) -> int:
    value = _number(int, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 or more")
    return value


def size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text}: must be WIDTHxHEIGHT, as in 1920x1080")
    return int(width), int(height)


def frame_rate(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: must be above 0, as 25, 23.976 or 30000/1001")
    return value


def _with_unit(text: str, units: Mapping[str, float], right: str) -> float:
    number = text.rstrip(string.ascii_letters)
    try:
        value = float(number) * units[text[len(number) :]]
    except (ValueError, KeyError):
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: must be {right}, above 0")
    return value


def _names(text: str, known: Sequence[str]) -> str:
    for name in text.split(","):
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name}: must be of {', '.join(known)}")
    return text


def _number(kind: type, text: str):
    try:
        return kind(text)
    except ValueError:
        words = {int: "a whole number", float: "a number"}[kind]
        raise argparse.ArgumentTypeError(f"{text!r}: must be {words}") from None


def add_quality(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "-q",
        "--quality",
        type=quality,
        metavar="Q",
        help="0 (small) to 100 (good); fractions count (default 50; refused by a model that was "
        "trained for one lambda)",
    )


def add_group_options(group: argparse._ArgumentGroup) -> None:
    """Groups of pictures, and the codec of their B-frames."""
    group.add_argument(
        "--gop",
        type=gop,
        metavar="N|auto",
        help="1 to 32 frames to a group of pictures; 1 is all intra, auto chooses for each group, "
        "and how far quality falls in it, for less rate at the picture quality that groups of 8 "
        "have, at about three times the work (default 8)",
    )
    group.add_argument(
        "--b-frames",
        type=b_frames,
        metavar="CODEC[,CODEC]",
        help=f"the codec of B-frames, of {', '.join(between())}: the first paper's kernels, "
        "latents predicted in time, sent motion, the second paper's, blocks of both references, "
        "moved; of several each depth of a group has the one that costs its first frame least "
        "(default: as the model was made for)",
    )
    group.add_argument(
        "--p-frames",
        type=p_frames,
        metavar="CODEC[,CODEC]",
        help="the codec of P-frames, which close groups between I-frames: latents predicted in "
        "time, from the frame before as it is or, moved, by blocks; of several each P-frame "
        "has the one that costs least (default: as the model was made for)",
    )


def add_checkpoint(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="weights as `kbvc export` writes them (default: those that ship)",
    )


def add_model(group: argparse._ArgumentGroup) -> None:
    """One of those that ship, or a checkpoint."""
    either = group.add_mutually_exclusive_group()
    either.add_argument("--model", metavar="NAME", help="of those that ship: see kbvc models")
    add_checkpoint(either)


def add_parallel(group: argparse._ActionsContainer) -> None:
    """Who shares the work."""
    group.add_argument(
        "--threads",
        type=count,
        metavar="N",
        help="of the network on a processor (default: one a core); reading and writing have one "
        "each besides",
    )
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--workers",
        type=count,
        default=1,
        metavar="N",
        help="processes that share a film, from I-frame to I-frame, and the cores (default 1)",
    )
    either.add_argument(
        "--devices",
        type=count,
        default=1,
        metavar="N",
        help="GPUs or TPU cores that share a film, from I-frame to I-frame (default 1)",
    )


def add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-y", "--overwrite", action="store_true", help="replace what is there")
    group.add_argument("--quiet", action="store_true", help="no progress, no summary")


def add_json(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--json", action="store_true", help="the summary as JSON on stdout, a line an input"
    )
