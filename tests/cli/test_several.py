"""Several inputs to a folder, summaries as JSON, presets."""

import json
import os
import shutil
from importlib import resources
from pathlib import Path

import pytest

import kbvc_jax
from kbvc_jax.cli.main import main
from kbvc_jax.cli.several import into_folder
from kbvc_jax.runtime import progress
from kbvc_jax.runtime.errors import InputError

pytestmark = pytest.mark.heavy

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
MODEL = "--checkpoint", Path(__file__).parents[1] / "codec" / "golden" / "model"
QUICK = "--frames", 2, "--gop", 1


def run(*argv):
    return main([str(argument) for argument in argv])


def errors(captured):
    return [line for line in captured.err.splitlines() if line.startswith("kbvc: ")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name in ("a.mp4", "b.mov"):
        shutil.copy(CLIP, folder / name)
    return [folder / "a.mp4", folder / "b.mov"]


@pytest.fixture(scope="module")
def streams(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("streams")
    assert run("encode", *clips, out, *MODEL, *QUICK, "--quiet") == 0
    return [out / "a.kbvc", out / "b.kbvc"]


def test_each_input_has_a_file_of_its_name_in_a_folder_that_is_made(
    clips, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "new" / "out"
    monkeypatch.setattr(progress, "_compiled", set())
    assert run("encode", *clips, f"{out}/", *MODEL, *QUICK, "--json") == 0
    captured = capsys.readouterr()
    assert captured.err.count("compiling for 416x240, once") == 1
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [Path(row["file"]) for row in rows] == [out / "a.kbvc", out / "b.kbvc"]
    assert [Path(row["source"]) for row in rows] == clips
    assert sorted(path.name for path in out.iterdir()) == ["a.kbvc", "b.kbvc"]


def test_the_model_is_loaded_once(clips, tmp_path, monkeypatch):
    loaded, load = [], kbvc_jax.load

    def counting(checkpoint, **options):
        loaded.append(checkpoint)
        return load(checkpoint, **options)

    monkeypatch.setattr(kbvc_jax, "load", counting)
    assert run("encode", *clips, f"{tmp_path}/out/", *MODEL, *QUICK) == 0
    assert len(loaded) == 1


def test_a_bad_input_is_one_line_and_the_rest_is_written(clips, streams, tmp_path, capsys):
    wrong = tmp_path / "wrong.mp4"
    wrong.write_text("no video")
    out = tmp_path / "out"
    out.mkdir()
    assert run("encode", clips[0], wrong, clips[1], out, *MODEL, *QUICK, "--quiet") == 2
    (line,) = errors(capsys.readouterr())
    assert line.startswith(f"kbvc: {wrong}: ")
    assert sorted(path.name for path in out.iterdir()) == ["a.kbvc", "b.kbvc"]
    assert (out / "b.kbvc").read_bytes() == streams[1].read_bytes()


def test_what_the_model_cannot_do_is_said_once(clips, tmp_path, capsys):
    assert run("encode", *clips, tmp_path, "--checkpoint", tmp_path / "none") == 2
    assert len(errors(capsys.readouterr())) == 1


@pytest.mark.parametrize(("kind", "suffix"), [((), ".y4m"), (("--to", "png"), "")])
def test_streams_are_decoded_to_a_folder(kind, suffix, streams, tmp_path, capsys):
    assert run("decode", *streams, f"{tmp_path}/out/", *MODEL, *kind, "--json", "--quiet") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, stream in zip(rows, streams, strict=True):
        assert row["source"] == str(stream) and row["frames"] == 2 and row["concealed"] == []
        assert row["file"] == f"{tmp_path}/out/{stream.stem}{suffix}"
        with kbvc_jax.open_video(row["file"]) as video:
            assert len(list(video)) == 2


def test_a_damaged_stream_does_not_stop_the_rest(streams, tmp_path, capsys):
    cut = tmp_path / "cut.kbvc"
    cut.write_bytes(streams[0].read_bytes()[:-200])
    assert run("decode", cut, streams[1], f"{tmp_path}/out/", *MODEL, "--quiet") == 2
    assert errors(capsys.readouterr())[0].startswith(f"kbvc: {cut}: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.y4m"]


def test_two_inputs_of_one_name_are_refused_before_the_folder_is_made(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"^y/a.mov: would be a.kbvc as x/a.mp4 is"):
        into_folder(["x/a.mp4", "y/a.mov"], f"{out}/", ".kbvc")
    assert not out.exists()


def test_a_folder_of_pictures_keeps_its_whole_name(tmp_path):
    (tmp_path / "take.1").mkdir()
    ((_, target),) = into_folder([f"{tmp_path}/take.1/"], str(tmp_path), ".kbvc")
    assert target == os.path.join(tmp_path, "take.1.kbvc")


@pytest.mark.parametrize(
    ("sources", "folder", "words"),
    [
        (["a", "b"], "nowhere", "nowhere: is no folder"),
        (["a", "-"], "new/", "-: a pipe has no name"),
        (["a", "b"], "/proc/new/", "/proc/new/: cannot make it"),
    ],
)
def test_what_cannot_be_is_one_line(sources, folder, words):
    with pytest.raises(InputError, match=words):
        into_folder(sources, folder, ".kbvc")


def test_the_summary_as_json_is_what_info_says(clips, tmp_path, capsys):
    target = tmp_path / "a.kbvc"
    assert run("encode", clips[0], target, *MODEL, *QUICK, "--json", "--psnr", "--quiet") == 0
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out.count("\n") == 1
    summary = json.loads(captured.out)
    assert run("info", target, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    shared = summary.keys() & facts.keys()
    assert {"file", "bytes", "frames", "quality", "frames_by_codec"} <= shared
    assert {name: summary[name] for name in shared} == {name: facts[name] for name in shared}
    assert summary["psnr"] > 0 and summary["passes"] == 1


def test_a_preset_says_when_the_model_lacks_its_codec(clips, checkpoint, tmp_path, capsys):
    argv = "encode", clips[0], tmp_path / "a.kbvc", "--checkpoint", checkpoint, "--frames", 1
    assert run(*argv, "--preset", "fast") == 0
    told = "preset fast: this model lacks some of motion; B-frames by predicted"
    assert told in capsys.readouterr().err.splitlines()
