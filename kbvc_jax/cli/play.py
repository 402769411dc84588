"""`kbvc play FILE`: decoded frames into a player that is installed, as y4m through a pipe."""

import argparse
import errno
import io
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.info import describe
from kbvc_jax.coding.limits import USUAL
from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.progress import Progress

if TYPE_CHECKING:
    from kbvc_jax.api import Codec
    from kbvc_jax.coding.container import StreamReader


class Player(NamedTuple):
    """A program that reads y4m from stdin."""

    arguments: tuple[str, ...]
    stopped: int  # its exit status after a signal


PLAYERS = {
    "ffplay": Player(("-loglevel", "error", "-autoexit", "-f", "yuv4mpegpipe", "-i", "-"), 123),
    "mpv": Player(("--really-quiet", "-"), 4),
}


def register(commands) -> None:
    parser = commands.add_parser(
        "play",
        help="show a .kbvc file in ffplay or mpv",
        usage="kbvc play [options] FILE",
        description="Decode into ffplay or mpv, whichever is installed. Where decoding is slower "
        "than the video, so is the picture.",
    )
    parser.add_argument("file", metavar="FILE", help=".kbvc file")
    playing = parser.add_argument_group("playing")
    playing.add_argument(
        "--start", type=kinds.index, default=0, metavar="FRAME", help="first frame (default 0)"
    )
    playing.add_argument("--loop", action="store_true", help="again and again, until it is closed")
    playing.add_argument(
        "--player", choices=tuple(PLAYERS), help="default: the first that is installed"
    )
    kinds.add_checkpoint(playing)
    playing.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    # What cannot be played is found before JAX has started.
    path, name = Path(arguments.file), arguments.player
    frames = describe(path, USUAL)["frames"]
    if arguments.start >= frames:
        raise InputError(f"{path}: no frame {arguments.start}; it has 0 to {frames - 1}")
    name, program = _find(path, [name] if name else list(PLAYERS))
    import kbvc_jax
    from kbvc_jax.runtime.backend import start_backend

    Progress(arguments.quiet).say(f"playing {path} in {name}, decoded on {start_backend()}")
    codec = kbvc_jax.load(arguments.checkpoint)
    with kbvc_jax.open_stream(path) as stream:
        pieces = _about(path, y4m_pieces(codec, stream, arguments.start, arguments.loop))
        status = show([program, *PLAYERS[name].arguments], pieces)
    if status > 0 and status != PLAYERS[name].stopped:  # below 0: by a signal
        raise InputError(f"{name}: ended with exit status {status}; its own lines say why")


def _find(path: Path, names: list[str]) -> tuple[str, str]:
    """The first player that is installed, and where it is."""
    for name in names:
        if program := shutil.which(name):
            return name, program
    raise InputError(
        f"no {' or '.join(names)} found; install ffplay or mpv, or pipe into any player: "
        f"kbvc decode {path} - | ffplay -"
    )


def _about(path: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Names the file for what goes wrong in decoding it, not in playing."""
    with about(path):
        yield from pieces


def y4m_pieces(codec: "Codec", stream: "StreamReader", start: int, loop: bool) -> Iterator[bytes]:
    """A piece a frame, the header before the first; without an end where it loops."""
    from kbvc_jax.files import video_format
    from kbvc_jax.video import y4m
    from kbvc_jax.video.colour import yuv_from_rgb

    format = y4m.expressible(video_format(stream.header))
    head = y4m.header(format)
    for _ in itertools.count() if loop else range(1):
        for frame in codec.decode_stream(stream, start=start):
            file = io.BytesIO()
            y4m.write_frame(file, yuv_from_rgb(frame, format), format)
            yield head + file.getvalue()
            head = b""


def show(command: Sequence[str], pieces: Iterator[bytes]) -> int:
    """The exit status of a player. It starts with the first frame, and may be closed at any."""
    first = next(pieces)
    try:
        player = subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError as error:
        raise InputError(f"{command[0]}: cannot run it ({error.strerror})") from None
    pipe = cast(IO[bytes], player.stdin)
    try:
        all(_taken(pipe.write, piece) for piece in itertools.chain([first], pieces))
        _taken(pipe.close)
        return player.wait()
    except BaseException:
        player.kill()
        player.wait()
        raise


def _taken(send: Callable[..., object], *piece: bytes) -> bool:
    """Whether anyone is there to take it."""
    try:
        send(*piece)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # the latter on Windows
            raise
        return False
    return True
