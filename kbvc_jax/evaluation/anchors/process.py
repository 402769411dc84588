"""Encoders that are programs of their own: planes through pipes, one line when they fail."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, cast

from kbvc_jax.evaluation.anchors.planes import planes_from_bytes, raw_bytes
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat


class ProgramError(Exception):
    """What a program said when it failed."""


def feed(command: Sequence[str], frames: Iterable[Planes]) -> None:
    """Runs a program with raw frames on its standard input."""
    with _running(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        pipe = cast(IO[bytes], process.stdin)
        with contextlib.suppress(BrokenPipeError):  # its message says more than ours
            for planes in frames:
                pipe.write(raw_bytes(planes))
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


def collect(command: Sequence[str], format: VideoFormat) -> Iterator[Planes]:
    """Raw frames from a program's standard output."""
    with _running(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        pipe = cast(IO[bytes], process.stdout)
        while data := pipe.read(format.frame_bytes):
            if len(data) < format.frame_bytes:
                raise ProgramError(f"{command[0]}: its last frame is incomplete")
            yield planes_from_bytes(data, format)


def run(command: Sequence[str]) -> None:
    with _running(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        pass


@contextlib.contextmanager
def _running(command: Sequence[str], **pipes) -> Iterator[subprocess.Popen]:
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stderr=errors, **pipes)
        except OSError as error:
            raise ProgramError(f"{command[0]}: cannot run it ({error.strerror})") from None
        try:
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        if status := process.wait():
            raise ProgramError(f"{command[0]}: exit status {status}: {_message(errors)}")


def _message(file: IO[bytes]) -> str:
    file.seek(0)
    lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[0].strip() if lines else "no message"
