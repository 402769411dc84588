"""Commands that write, stopped in every way there is:

    python -m tests.faults [--commands encode decode pack evaluate train]

Each is a process of its own, on Linux; signals reach it at a third and at two thirds of the time
that it takes undisturbed; a full disk is a small tmpfs, which root alone can mount, and others
leave out.
Afterwards its name holds what was there before or all that is new, what it said last is one line,
and the same command, run again, ends as if nothing had been.
"""

import argparse
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kbvc_jax.runtime.exit import BAD_INPUT, CLOSED_PIPE, INTERRUPTED, TERMINATED
from tests.writing_commands import CLIP, COMMANDS, ROOT, Command

OLD = b"old"
FRACTIONS = (1 / 3, 2 / 3)
ROOM = 0.4  # of what it writes, on a disk that is too small
ROOMY = 1 << 30
PATIENCE = 900  # seconds that a command may take


class Undisturbed(NamedTuple):
    seconds: float  # from when it listens to signals to its end
    size: int  # bytes


class Case:
    """In one folder the input, in another, under the name of the output, something old."""

    def __init__(self, command: Command, root: Path):
        self.command, self.folder = command, root / "there"
        self.source = root / "in" / command.source.name
        self.target = self.folder / command.target
        self.source.parent.mkdir()
        if command.source.is_dir():
            self.source.mkdir()
            for name in "abc":
                shutil.copy(CLIP, self.source / f"{name}.mp4")
        else:
            shutil.copy(command.source, self.source)
        if self.target.suffix:
            self.target.write_bytes(OLD)

    def start(self, out: str | None = None, **options) -> subprocess.Popen:
        names = {"input": self.source, "parent": self.source.parent, "out": out or self.target}
        argv = [sys.executable, *(part.format(**names) for part in self.command.argv)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        # A test run in the background may have been told to ignore it.
        heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        return subprocess.Popen(argv, cwd=ROOT, env=environment, **{**pipes, **heard, **options})

    def holds(self) -> str:
        """What stands under the name of the output."""
        if not self.target.exists():
            return "nothing"
        if self.target.is_file() and self.target.read_bytes() == OLD:
            return "the old"
        try:
            return "the new" if self.command.complete(self.target) else "a part"
        except (OSError, ValueError, KeyError, IndexError):
            return "a part"


# What a fault does to a case; its exit status and standard error.
Fault = Callable[[Case, Undisturbed], tuple[int, str]]


def _ended(process: subprocess.Popen) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said.decode(errors="replace").strip()


def listening(process: subprocess.Popen) -> subprocess.Popen:
    """Once it listens to SIGTERM: before, Python alone answers, and nothing has begun."""
    caught = 1 << signal.SIGTERM - 1
    facts = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        found = re.search(r"SigCgt:\s*(\w+)", facts.read_text())
        if found and int(found[1], 16) & caught:
            break
        time.sleep(0.01)
    return process


def signalled(number: int, fraction: float) -> Fault:
    def stop(case: Case, usual: Undisturbed) -> tuple[int, str]:
        process = listening(case.start())
        time.sleep(fraction * usual.seconds)
        process.send_signal(number)
        return _ended(process)

    return stop


def full_disk(case: Case, usual: Undisturbed) -> tuple[int, str]:
    return _ended(case.start())


def vanished(case: Case, usual: Undisturbed) -> tuple[int, str]:
    process = listening(case.start())
    time.sleep(usual.seconds / 3)
    shutil.rmtree(case.source.parent)
    return _ended(process)


def read_only(case: Case, usual: Undisturbed) -> tuple[int, str]:
    if os.geteuid():
        case.folder.chmod(0o555)
    else:  # who may write all but what is mounted so
        subprocess.run(["mount", "-o", "remount,ro", str(case.folder)], check=True)
    try:
        return _ended(case.start())
    finally:
        if os.geteuid():
            case.folder.chmod(0o755)
        else:
            subprocess.run(["mount", "-o", "remount,rw", str(case.folder)], check=True)


def closed_pipe(case: Case, usual: Undisturbed) -> tuple[int, str]:
    process = case.start("-" if case.target.suffix else None, stdout=subprocess.PIPE)
    process.stdout.close()
    process.stdout = None
    return _ended(process)


FAULTS: dict[str, tuple[Fault, set[int]]] = {
    **{
        f"{signal.Signals(number).name} at {fraction:.0%}": (signalled(number, fraction), {status})
        for (number, status), fraction in itertools.product(
            [
                (signal.SIGINT, INTERRUPTED),
                (signal.SIGTERM, TERMINATED),
                (signal.SIGKILL, -signal.SIGKILL),
            ],
            FRACTIONS,
        )
    },
    "full disk": (full_disk, {BAD_INPUT}),
    # 0: it was read already; 1: one clip of a set was not measured.
    "input vanished": (vanished, {BAD_INPUT, 0, 1}),
    "read-only folder": (read_only, {BAD_INPUT}),
    "closed pipe": (closed_pipe, {CLOSED_PIPE}),
}


MOUNTED = "full disk", "read-only folder"


@contextmanager
def folder_for(fault: str, size: int) -> Iterator[Path]:
    """For a case; for the full disk with less room than it takes. Root alone can mount one."""
    with tempfile.TemporaryDirectory() as name:
        folder, there = Path(name), Path(name, "there")
        folder.chmod(0o755)
        there.mkdir()
        if fault not in MOUNTED or os.geteuid():
            yield folder
            return
        room = size if fault == "full disk" else ROOMY
        options = ["-o", f"size={room}", "tmpfs", str(there)]
        subprocess.run(["mount", "-t", "tmpfs", *options], check=True, capture_output=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(there)], check=True)


def size_of(path: Path) -> int:
    """What a file, or all of a folder, takes."""
    files = [path] if path.is_file() else [own for own in path.rglob("*") if own.is_file()]
    return sum(own.stat().st_size for own in files)


def undisturbed(command: Command) -> Undisturbed:
    """The second time, when programs are compiled already."""
    for _ in range(2):
        with folder_for("", 0) as folder:
            case = Case(command, folder)
            process, begun = listening(case.start()), time.monotonic()
            status, said = _ended(process)
            seconds = time.monotonic() - begun
            if status or case.holds() != "the new":
                raise RuntimeError(f"undisturbed: {status}, {case.holds()}: {said}")
            size = size_of(case.target)
    return Undisturbed(seconds, size)


def outcome(command: Command, fault: str, usual: Undisturbed) -> tuple[bool, str]:
    """Whether all is as it should be, and what was."""
    disturb, statuses = FAULTS[fault]
    with folder_for(fault, int(ROOM * usual.size)) as folder:
        case = Case(command, folder)
        before = case.holds()
        status, said = disturb(case, usual)
        held = case.holds()
        lines = [line for line in said.splitlines() if line]
        whole = held in (before, "the new") or (command.resumes and held == "a part")
        # With all that is new it had ended before; training saves and has ended well.
        ended = status in statuses or held == "the new" or (command.resumes and status == 0)
        fine = whole and ended and "Traceback" not in said
        if status == BAD_INPUT:
            fine &= len(lines) >= 1 and lines[-1].count(": ") >= 1
        after = ""
        if fault not in ("full disk", "input vanished") and (command.resumes or held != "the new"):
            again, _ = _ended(case.start())
            after = f", again: {again}, {case.holds()}"
            fine &= again == 0 and case.holds() == "the new"
    return fine, f"{status}, holds {held}{after}  {lines[-1][:120] if lines else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=FAULTS)
    arguments = parser.parse_args()
    passed = True
    for name in arguments.commands:
        usual = undisturbed(COMMANDS[name])
        print(f"{name}: {usual.seconds:.1f} s, {usual.size} bytes", flush=True)
        for fault in arguments.faults:
            if fault == "full disk" and os.geteuid():
                continue
            fine, told = outcome(COMMANDS[name], fault, usual)
            passed &= fine
            print(f"  {fault:20} {'ok    ' if fine else 'FAILED'}  {told}", flush=True)
    print("passed" if passed else "FAILED")
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
