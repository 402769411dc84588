"""Whatever happens while a file is written, its name holds the old one or the whole new one."""

import os
import signal
import subprocess
import sys

import pytest

# Writes a file or a folder in halves; between them it says so and waits for a line.
WRITER = """
import sys
if sys.argv[3:]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.runtime.output import whole_file, whole_folder

def write(file):
    file.write(b"new " * 1000)
    file.flush()
    print("half", file=sys.stderr, flush=True)
    sys.stdin.readline()
    file.write(b"new " * 1000)

def to_file():
    with whole_file(sys.argv[2], overwrite=True) as file:
        write(file)

def to_folder():
    with whole_folder(sys.argv[2], True, ["a"]) as folder, (folder / "a").open("wb") as file:
        write(file)

sys.exit(exit_status({"file": to_file, "folder": to_folder}[sys.argv[1]]))
"""
NEW = b"new " * 2000


@pytest.fixture(params=["file", "folder"])
def kind(request):
    return request.param


@pytest.fixture
def target(tmp_path, kind):
    path = tmp_path / "out"
    if kind == "folder":
        path.mkdir()
    content(path).write_bytes(b"old")
    return path


def content(path):
    return path / "a" if path.is_dir() else path


def writer(*arguments, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stderr"), subprocess.PIPE)
    # A test run in the background may have been told to ignore it.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    return subprocess.Popen(command, **{**heard, **pipes, **options})


def half_way(process: subprocess.Popen) -> subprocess.Popen:
    assert process.stderr.readline() == b"half\n"
    return process


def test_undisturbed_it_writes_the_new_one(kind, target):
    process = half_way(writer(kind, target))
    assert content(target).read_bytes() == b"old"
    process.communicate(b"\n")
    assert process.returncode == 0 and content(target).read_bytes() == NEW


@pytest.mark.parametrize(
    ("number", "status", "left"),
    [
        (signal.SIGINT, 130, 0),
        (signal.SIGTERM, 143, 0),
        (signal.SIGKILL, -signal.SIGKILL, 1),  # nothing can be done about the half one
    ],
)
def test_a_signal_leaves_the_old_one(kind, target, number, status, left):
    process = half_way(writer(kind, target))
    process.send_signal(number)
    process.communicate()
    assert process.returncode == status
    assert content(target).read_bytes() == b"old"
    assert len(os.listdir(target.parent)) == 1 + left


def test_a_disk_that_is_full_half_way_leaves_the_old_one_and_says_so(kind, target):
    pytest.importorskip("resource")
    process = half_way(writer(kind, target, 6000))
    _, said = process.communicate(b"\n")
    assert (process.returncode, said) == (
        2,
        f"kbvc: {target}: cannot write it (File too large)\n".encode(),
    )
    assert content(target).read_bytes() == b"old"
    assert os.listdir(target.parent) == ["out"]


def test_a_folder_that_vanishes_half_way_is_one_line(tmp_path):
    away = tmp_path / "there" / "out"
    away.parent.mkdir()
    process = half_way(writer("file", away))
    for entry in away.parent.iterdir():
        entry.unlink()
    away.parent.rmdir()
    _, said = process.communicate(b"\n")
    assert process.returncode == 2
    assert said == f"kbvc: {away}: cannot write it (No such file or directory)\n".encode()


def test_a_pipe_that_closes_half_way_ends_it_without_a_word():
    process = half_way(writer("file", "-", stdout=subprocess.PIPE))
    process.stdout.close()
    _, said = process.communicate(b"\n")
    assert (process.returncode, said) == (141, b"")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    process = writer("file", tmp_path / "out")
    _, said = process.communicate(b"\n")
    tmp_path.chmod(0o700)
    assert process.returncode == 2
    assert said == f"kbvc: {tmp_path / 'out'}: cannot write there (Permission denied)\n".encode()
