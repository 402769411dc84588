"""`kbvc play`: y4m into a program that stands for a player."""

import os
import stat

import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.cli import play
from kbvc_jax.cli.main import main
from tests.codec.golden import picture

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(os.name != "posix", reason="the player is a shell script"),
]
FRAMES = 5


@pytest.fixture(scope="module")
def codec(checkpoint):
    return kbvc_jax.load(checkpoint)


@pytest.fixture(scope="module")
def stream(codec, tmp_path_factory):
    path = tmp_path_factory.mktemp("play") / "clip.kbvc"
    path.write_bytes(codec.encode(picture(FRAMES, 8), 60, gop=2))
    return path


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A script of that name, the only player on PATH, run where its files are to lie."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(play.shutil, "which", lambda name: _executable(folder / name))
    monkeypatch.chdir(tmp_path)

    def write(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(stat.S_IRWXU)

    return write


def _executable(path):
    return str(path) if path.exists() else None


@pytest.fixture
def run(stream, checkpoint):
    return lambda *more: main(["play", str(stream), "--checkpoint", str(checkpoint), *more])


def shown(path):
    with kbvc_jax.open_video(path) as video:
        return video.format, np.stack(list(video))


def test_a_player_is_given_the_frames_as_y4m(install, run, codec, stream, tmp_path, capfd):
    install("mpv", 'echo "$@" > arguments; cat > seen.y4m')
    assert run() == 0
    format, frames = shown(tmp_path / "seen.y4m")
    whole = codec.decode(stream.read_bytes())
    assert frames.shape == whole.shape and format.chroma == "444" and format.rate == 30
    codec.decode_file(stream, tmp_path / "decoded.y4m")
    assert (tmp_path / "seen.y4m").read_bytes() == (tmp_path / "decoded.y4m").read_bytes()
    assert (tmp_path / "arguments").read_text().split()[-1] == "-"
    assert capfd.readouterr().err.splitlines()[0].startswith(f"playing {stream} in mpv")


def test_it_starts_where_it_is_asked_to(install, run, codec, stream, tmp_path):
    install("ffplay", "cat > seen.y4m")
    assert run("--start", "3", "--quiet") == 0
    codec.decode_file(stream, tmp_path / "decoded.y4m", start=3)
    assert (tmp_path / "seen.y4m").read_bytes() == (tmp_path / "decoded.y4m").read_bytes()


def test_a_loop_goes_on_until_the_player_is_closed(install, run, codec, stream, tmp_path, capfd):
    codec.decode_file(stream, tmp_path / "once.y4m")
    once = (tmp_path / "once.y4m").read_bytes()
    head = once.index(b"FRAME")
    install("ffplay", f"head -c {3 * len(once)} > seen.y4m")
    assert run("--loop", "--quiet") == 0
    thrice = once + once[head:] + once[head:]
    seen = (tmp_path / "seen.y4m").read_bytes()
    assert seen[: len(thrice)] == thrice and len(seen) == 3 * len(once)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("leaving", ["exit 0", "exit 123", "kill -TERM $$"])
def test_closing_the_player_is_no_error(install, run, capfd, leaving):
    install("ffplay", f"head -c 100 > part; {leaving}")
    assert run("--loop", "--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_a_player_that_fails_is_named_in_one_line(install, run, capfd):
    install("mpv", "exit 2")
    assert run("--quiet") == 2
    assert capfd.readouterr().err == "kbvc: mpv: ended with exit status 2; its own lines say why\n"


def test_the_player_asked_for_is_taken(install, run, tmp_path):
    install("ffplay", "cat > /dev/null; touch wrong")
    install("mpv", "cat > /dev/null; touch right")
    assert run("--player", "mpv", "--quiet") == 0
    assert (tmp_path / "right").exists() and not (tmp_path / "wrong").exists()


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("asked", [(), ("--player", "mpv")])
def test_without_a_player_one_line_says_what_to_do(run, stream, asked, capsys):
    assert run(*asked) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "ffplay or mpv" in said
    assert said.endswith(f"kbvc decode {stream} - | ffplay -\n")


def test_what_cannot_be_decoded_opens_no_player(
    install, run, stream, other_checkpoint, tmp_path, capsys
):
    install("ffplay", "touch opened; cat > /dev/null")
    assert run("--start", str(FRAMES)) == 2
    assert f"{stream}: no frame {FRAMES}; it has 0 to {FRAMES - 1}" in capsys.readouterr().err
    assert main(["play", str(stream), "--checkpoint", str(other_checkpoint), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kbvc: {stream}: stream was made by model") and said.count("\n") == 1
    assert not (tmp_path / "opened").exists()
