"""`kbvc encode --bitrate` and `--target-size`: whole encodes until the file is as large as asked."""

import dataclasses
import json
import os
from importlib import resources
from pathlib import Path

import pytest
from tiny import TINY, built, inference, tiny_inference

import kbvc_jax
from kbvc_jax.cli.main import main
from kbvc_jax.models.checkpoint import save_inference

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
QUICK = "--frames", 2, "--gop", 1


def run(*argv):
    return main([str(argument) for argument in argv])


def encode(target, checkpoint, *options):
    argv = "encode", CLIP, target, "--checkpoint", checkpoint, *QUICK, *options
    return run(*argv)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """As training begins: its rate grows with quality, which that of random weights may not."""
    folder = tmp_path_factory.mktemp("weights") / "built"
    save_inference(folder, inference(built(TINY), seed=1))
    return folder


@pytest.fixture(scope="module")
def sizes(checkpoint, tmp_path_factory):
    """By quality."""
    folder = tmp_path_factory.mktemp("sizes")
    for quality in (0, 100):
        assert encode(folder / f"{quality}", checkpoint, "-q", quality, "--quiet") == 0
    return {quality: (folder / f"{quality}").stat().st_size for quality in (0, 100)}


@pytest.mark.parametrize("option", ["--target-size", "--bitrate"])
def test_the_file_is_as_large_as_asked_and_that_of_the_quality_told(
    option, sizes, checkpoint, tmp_path, capsys
):
    found, plain = tmp_path / "found.kbvc", tmp_path / "plain.kbvc"
    wanted = round((sizes[0] * sizes[100]) ** 0.5)
    with kbvc_jax.open_video(CLIP) as video:
        rate = round(wanted * 8 * video.format.rate / 2)
    asked = {"--target-size": f"{wanted}B", "--bitrate": rate}[option]
    assert encode(found, checkpoint, option, asked, "--json") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["bytes"] == found.stat().st_size == pytest.approx(wanted, rel=0.03)
    assert f"pass {facts['passes']}: quality {facts['quality']:g}\n" in captured.err
    assert f"{found}: 2 frames 416x240, quality {facts['quality']:g}, " in captured.err
    assert encode(plain, checkpoint, "-q", f"{facts['quality']:g}") == 0
    assert found.read_bytes() == plain.read_bytes()


def test_less_than_quality_0_takes_is_one_line_and_nothing_written(
    sizes, checkpoint, tmp_path, capsys
):
    target = tmp_path / "a.kbvc"
    assert encode(target, checkpoint, "--target-size", sizes[0] // 2) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"kbvc: {CLIP}: quality 0 takes {sizes[0]:,} bytes, more than the ")
    assert not list(tmp_path.iterdir())


def test_more_than_quality_100_takes_is_said_and_written_all_the_same(
    sizes, checkpoint, tmp_path, capsys
):
    target = tmp_path / "a.kbvc"
    assert encode(target, checkpoint, "--target-size", "1GB", "--quiet") == 0
    assert target.stat().st_size == sizes[100]
    assert capsys.readouterr().err == (
        f"kbvc: {target}: quality 100 takes {sizes[100]:,} bytes, less than the "
        "1,000,000,000 bytes wanted\n"
    )


def test_a_pipe_is_refused_before_anything_is_read(checkpoint, tmp_path, capsys):
    pipe = tmp_path / "pipe.y4m"
    os.mkfifo(pipe)
    for source in ("-", pipe):
        argv = "encode", source, tmp_path / "a.kbvc", "--checkpoint", checkpoint, "--bitrate", "1k"
        assert run(*argv) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"kbvc: {source}: ") and "read only once" in line
        assert line.count("\n") == 1


def test_a_model_of_one_lambda_refuses(tmp_path, capsys):
    single = dataclasses.replace(TINY, fixed_lambda=0.01, block_transform=False)
    save_inference(tmp_path / "model", tiny_inference(1, single))
    target = tmp_path / "a.kbvc"
    assert encode(target, tmp_path / "model", "--bitrate", "300k", "--quiet") == 2
    line = capsys.readouterr().err
    assert line.startswith("kbvc: 300.0 kb/s wanted: this model was trained for one lambda")
    assert line.count("\n") == 1 and not target.exists()
