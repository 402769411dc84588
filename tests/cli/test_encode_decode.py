"""`kbvc encode` and `kbvc decode`, through files as a user has them."""

import re
from fractions import Fraction
from importlib import resources
from pathlib import Path

import av
import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.cli.main import main

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))


@pytest.fixture(scope="module")
def encoded(checkpoint, tmp_path_factory):
    """Six frames in groups of two, with a tail of one."""
    target = tmp_path_factory.mktemp("encoded") / "bunny.kbvc"
    command = ["encode", CLIP, target, "--checkpoint", checkpoint, "--frames", 6, "--gop", 2]
    assert run(*command, "--quiet") == 0
    return target


def run(*argv):
    return main([str(argument) for argument in argv])


def error_line(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("kbvc: ")]
    assert captured.err.splitlines()[-1:] == lines and len(lines) == 1, captured.err
    return lines[0]


def frames_of(path):
    with kbvc_jax.open_video(path) as reader:
        return np.stack(list(reader))


def test_encode_says_what_runs_and_sums_up(checkpoint, tmp_path, capsys):
    target = tmp_path / "a.kbvc"
    assert run("encode", CLIP, target, "--checkpoint", checkpoint, "--frames", 2, "--psnr") == 0
    first, *_, last = capsys.readouterr().err.splitlines()  # between: how far a slow machine is
    assert re.fullmatch(rf"encoding {CLIP} \(416x240\) on cpu \(\d+ cores\)", first)
    size = target.stat().st_size
    bits = size * 8 / (2 * 416 * 240)
    assert last.startswith(f"{target}: 2 frames 416x240, {size:,} bytes, {bits:.4f} bits a pixel")
    assert re.search(r", [\d.]+ kb/s, [\d.]+ fps, PSNR -?[\d.]+ dB$", last)


def test_what_a_file_loses_is_said(checkpoint, tmp_path, capsys):
    source, target = tmp_path / "a.mkv", tmp_path / "a.kbvc"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        for time in (0, 40, 400):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert run("encode", source, target, "--checkpoint", checkpoint) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "not kept in a .kbvc file: pixels of shape 16:15"
    assert lines[-2] == "not kept in a .kbvc file: uneven times of its frames"


def test_quiet_is_silent(encoded, checkpoint, tmp_path, capsys):
    target = tmp_path / "frames"
    assert run("decode", encoded, target, "--checkpoint", checkpoint, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_part_equals_the_same_frames_of_the_whole(encoded, checkpoint, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert run("decode", encoded, whole, "--checkpoint", checkpoint) == 0
    assert (
        run("decode", encoded, part, "--checkpoint", checkpoint, "--start", 2, "--frames", 3) == 0
    )
    assert frames_of(whole).shape == (6, 240, 416, 3)
    assert np.array_equal(frames_of(part), frames_of(whole)[2:5])


@pytest.mark.parametrize("name", ["out.y4m", "out.mkv", "out.yuv", "frames"])
def test_verify_reads_the_output_back(encoded, checkpoint, tmp_path, name, capsys):
    argv = ["decode", encoded, tmp_path / name, "--checkpoint", checkpoint, "--frames", 3]
    assert run(*argv, "--verify") == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{tmp_path / name}: verified, 3 frames"


def test_verify_tells_when_the_output_is_not_what_was_decoded(
    encoded, checkpoint, tmp_path, monkeypatch, capsys
):
    from kbvc_jax import api as codec

    target, decode_file = tmp_path / "frames", codec.Codec.decode_file

    def spoil(*arguments, **options):
        summary = decode_file(*arguments, **options)
        first, second, *_ = sorted(target.iterdir())
        first.write_bytes(second.read_bytes())
        return summary

    monkeypatch.setattr(codec.Codec, "decode_file", spoil)
    assert run("decode", encoded, target, "--checkpoint", checkpoint, "--verify") == 2
    assert f"{target}: frame 0 is not what was decoded" in error_line(capsys)


def test_neither_command_overwrites_without_y(encoded, checkpoint, tmp_path, capsys):
    stream, video = tmp_path / "a.kbvc", tmp_path / "a.y4m"
    stream.write_bytes(b"mine")
    video.write_bytes(b"mine")
    encode = ["encode", CLIP, stream, "--checkpoint", checkpoint, "--frames", 1]
    decode = ["decode", encoded, video, "--checkpoint", checkpoint, "--frames", 1]
    for argv, path in ((encode, stream), (decode, video)):
        assert run(*argv) == 2
        assert f"kbvc: {path}: exists" in error_line(capsys)
        assert path.read_bytes() == b"mine"
        assert run(*argv, "-y") == 0
        assert path.read_bytes() != b"mine"
        capsys.readouterr()


def _missing(path):
    return path


def _empty(path):
    path.touch()
    return path


def _no_video(path):
    path.write_text("words, words, words " * 100)
    return path


def _empty_folder(path):
    path = path.with_suffix("")
    path.mkdir()
    return path


def _cut_off(path):
    path.write_bytes(CLIP.read_bytes()[:3000])
    return path


@pytest.mark.parametrize("damage", [_missing, _empty, _no_video, _empty_folder, _cut_off])
def test_a_bad_source_is_one_line_and_leaves_nothing_behind(damage, checkpoint, tmp_path, capsys):
    source, target = damage(tmp_path / "in.mp4"), tmp_path / "out" / "out.kbvc"
    target.parent.mkdir()
    assert run("encode", source, target, "--checkpoint", checkpoint) == 2
    assert error_line(capsys).startswith(f"kbvc: {source}: ")
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("where", ["nowhere/out.kbvc", "/proc/out.kbvc"])
def test_an_output_that_cannot_be_written_is_one_line(where, checkpoint, tmp_path, capsys):
    target = tmp_path / where
    assert run("encode", CLIP, target, "--checkpoint", checkpoint, "--frames", 1) == 2
    assert error_line(capsys).startswith(f"kbvc: {target}: ")


def test_a_full_disk_is_one_line(encoded, checkpoint, tmp_path, capsys):
    full = tmp_path / "full.y4m"
    full.symlink_to("/dev/full")
    assert run("decode", encoded, full, "--checkpoint", checkpoint, "--frames", 1) == 2
    assert error_line(capsys) == f"kbvc: {full}: cannot write it (No space left on device)"
    assert Path("/dev/full").is_char_device()


def test_a_truncated_stream_is_one_line_and_leaves_nothing_behind(
    encoded, checkpoint, tmp_path, capsys
):
    cut, target = tmp_path / "cut.kbvc", tmp_path / "out" / "out.y4m"
    target.parent.mkdir()
    cut.write_bytes(encoded.read_bytes()[:-200])
    assert run("decode", cut, target, "--checkpoint", checkpoint) == 2
    assert error_line(capsys).startswith(f"kbvc: {cut}: ")
    assert not list(target.parent.iterdir())


def test_the_wrong_model_is_named_before_anything_is_written(
    encoded, other_checkpoint, tmp_path, capsys
):
    target = tmp_path / "out.y4m"
    assert run("decode", encoded, target, "--checkpoint", other_checkpoint) == 2
    line = error_line(capsys)
    assert line.startswith(f"kbvc: {encoded}: ") and "--checkpoint" in line
    assert not target.exists()


def test_a_start_past_the_end_is_one_line(encoded, checkpoint, tmp_path, capsys):
    argv = ["decode", encoded, tmp_path / "o.y4m", "--checkpoint", checkpoint, "--start", 6]
    assert run(*argv) == 2
    assert "6" in error_line(capsys)


def test_a_folder_without_weights_is_one_line(tmp_path, capsys):
    argv = ["encode", CLIP, tmp_path / "o.kbvc", "--checkpoint", tmp_path, "--frames", 1]
    assert run(*argv) == 2
    assert error_line(capsys).startswith(f"kbvc: {tmp_path}: ")
