"""ffmpeg before `kbvc encode -` and after `kbvc decode ... -`, through pipes of the system."""

import subprocess
import sys

import pytest

import kbvc_jax
from kbvc_jax.cli.bench import CLIP
from kbvc_jax.cli.main import main

FRAMES = 3


@pytest.fixture(scope="module")
def ffmpeg():
    library = pytest.importorskip("imageio_ffmpeg", reason="pip install 'kbvc-jax[anchors]'")
    return [library.get_ffmpeg_exe(), "-v", "error", "-y"]


@pytest.fixture(scope="module")
def direct(checkpoint, tmp_path_factory):
    """The clip by its file."""
    target = tmp_path_factory.mktemp("pipes") / "direct.kbvc"
    argv = ["encode", CLIP, target, "--frames", FRAMES, *coding(checkpoint)]
    assert main(list(map(str, argv))) == 0
    return target


def coding(checkpoint):
    return ["--gop", 2, "--checkpoint", checkpoint, "--quiet"]


def pipe(*commands):
    """Runs them side by side, each reading what the one before writes."""
    processes = list[subprocess.Popen]()
    for number, command in enumerate(commands):
        before = processes[-1].stdout if processes else subprocess.DEVNULL
        after = subprocess.PIPE if number < len(commands) - 1 else None
        processes.append(subprocess.Popen([*map(str, command)], stdin=before, stdout=after))
        if processes[1:]:
            before.close()  # that its end, too, is seen
    assert [process.wait(timeout=200) for process in processes] == [0] * len(commands)


def kbvc(*arguments):
    return [sys.executable, "-m", "kbvc_jax.cli.main", *arguments]


@pytest.mark.heavy
def test_y4m_from_ffmpeg_is_coded_as_the_file_itself(ffmpeg, direct, checkpoint, tmp_path):
    target = tmp_path / "piped.kbvc"
    read = [*ffmpeg, "-i", CLIP, "-frames:v", FRAMES, "-f", "yuv4mpegpipe", "-"]
    pipe(read, kbvc("encode", "-", target, *coding(checkpoint)))
    with kbvc_jax.open_stream(target) as piped, kbvc_jax.open_stream(direct) as expected:
        assert [record.payload for record in piped] == [record.payload for record in expected]
        assert piped.header.rate == expected.header.rate


@pytest.mark.heavy
def test_y4m_to_ffmpeg_has_the_frames_of_a_decoded_file(ffmpeg, direct, checkpoint, tmp_path):
    argv = ["decode", direct, tmp_path / "direct.yuv", "--checkpoint", checkpoint, "--quiet"]
    assert main(list(map(str, argv))) == 0
    decode = kbvc("decode", direct, "-", "--checkpoint", checkpoint, "--quiet")
    pipe(decode, [*ffmpeg, "-i", "-", "-f", "rawvideo", tmp_path / "piped.yuv"])
    assert (tmp_path / "piped.yuv").read_bytes() == (tmp_path / "direct.yuv").read_bytes()
