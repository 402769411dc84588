"""`kbvc encode --bitrate` and `--target-size`: passes until the file is as large as asked."""

import dataclasses
import json
import os
from importlib import resources
from pathlib import Path

import pytest
from tiny import TINY, tiny_inference

import kbvc_jax
from kbvc_jax.cli.main import main
from kbvc_jax.models.checkpoint import save_inference

pytestmark = pytest.mark.heavy

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
# A model as training begins: rate grows with quality, which with random weights it may not.
MODEL = Path(__file__).parents[1] / "codec" / "golden" / "model"
QUICK = "--frames", 2, "--gop", 1


def run(*argv):
    return main([str(argument) for argument in argv])


def encode(target, *options, model=MODEL):
    return run("encode", CLIP, target, "--checkpoint", model, *QUICK, *options)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """By quality."""
    folder = tmp_path_factory.mktemp("sizes")
    for quality in (0, 100):
        assert encode(folder / f"{quality}", "-q", quality, "--quiet") == 0
    return {quality: (folder / f"{quality}").stat().st_size for quality in (0, 100)}


@pytest.mark.parametrize("option", ["--target-size", "--bitrate"])
def test_the_file_is_as_large_as_asked_and_that_of_the_quality_told(
    option, sizes, tmp_path, capsys
):
    found, plain = tmp_path / "found.kbvc", tmp_path / "plain.kbvc"
    wanted = round((sizes[0] * sizes[100]) ** 0.5)
    with kbvc_jax.open_video(CLIP) as video:
        rate = round(wanted * 8 * video.format.rate / 2)
    asked = {"--target-size": f"{wanted}B", "--bitrate": rate}[option]
    assert encode(found, option, asked, "--json") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["bytes"] == found.stat().st_size == pytest.approx(wanted, rel=0.03)
    assert f"pass {facts['passes']}: quality {facts['quality']:g}\n" in captured.err
    assert f"{found}: 2 frames 416x240, quality {facts['quality']:g}, " in captured.err
    assert encode(plain, "-q", f"{facts['quality']:g}") == 0
    assert found.read_bytes() == plain.read_bytes()


def test_less_than_quality_0_takes_is_one_line_and_nothing_written(sizes, tmp_path, capsys):
    target = tmp_path / "a.kbvc"
    assert encode(target, "--target-size", sizes[0] // 2) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"kbvc: {CLIP}: quality 0 takes {sizes[0]:,} bytes, more than the ")
    assert not list(tmp_path.iterdir())


def test_more_than_quality_100_takes_is_said_and_written_all_the_same(sizes, tmp_path, capsys):
    target = tmp_path / "a.kbvc"
    assert encode(target, "--target-size", "1GB", "--quiet") == 0
    assert target.stat().st_size == sizes[100]
    assert capsys.readouterr().err == (
        f"kbvc: {target}: quality 100 takes {sizes[100]:,} bytes, less than the "
        "1,000,000,000 bytes wanted\n"
    )


def test_a_pipe_is_refused_before_anything_is_read(tmp_path, capsys):
    pipe = tmp_path / "pipe.y4m"
    os.mkfifo(pipe)
    for source in ("-", pipe):
        argv = "encode", source, tmp_path / "a.kbvc", "--bitrate", "1k"
        assert run(*argv) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"kbvc: {source}: ") and "read only once" in line
        assert line.count("\n") == 1


def test_a_model_of_one_lambda_refuses(tmp_path, capsys):
    single = dataclasses.replace(TINY, fixed_lambda=0.01, block_transform=False)
    save_inference(tmp_path / "model", tiny_inference(1, single))
    target = tmp_path / "a.kbvc"
    assert encode(target, "--bitrate", "300k", "--quiet", model=tmp_path / "model") == 2
    line = capsys.readouterr().err
    assert line.startswith("kbvc: 300.0 kb/s wanted: this model was trained for one lambda")
    assert line.count("\n") == 1 and not target.exists()
