import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from data.footage import texture
from PIL import Image

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.data.dataset import make_dataset
from kbvc_jax.data.pack import main, pack
from kbvc_jax.data.sources import open_source
from kbvc_jax.runtime.errors import InputError


def opened(path, **config):
    return open_source(SourceConfig("pack", str(path)), DataConfig(**config))


@pytest.mark.parametrize("container", ["arrayrecord", "zip"])
def test_raw_packs_return_the_frames_themselves(tmp_path, vimeo, container):
    pack(str(vimeo), str(tmp_path / "out"), codec="raw", container=container)
    ours, theirs = (
        opened(tmp_path / "out"),
        open_source(SourceConfig("vimeo", str(vimeo)), DataConfig()),
    )
    assert list(ours.names) == list(theirs.names)
    for item in range(3):
        np.testing.assert_array_equal(ours.read(item, [5, 0]), theirs.read(item, [5, 0]))


@pytest.mark.parametrize(("codec", "error"), [("h264", 3), ("hevc", 3), ("jpeg", 3), ("copy", 0)])
def test_clips_come_back_close_to_their_source(tmp_path, videos, codec, error):
    pack(str(videos), str(tmp_path / "out"), codec=codec, segment=20, container="zip")
    ours, theirs = (
        opened(tmp_path / "out"),
        open_source(SourceConfig("videos", str(videos)), DataConfig()),
    )
    assert list(ours.lengths) == ([33] if codec == "copy" else [16, 17])
    item, time = (0, 20) if codec == "copy" else (1, 4)
    difference = ours.read(item, [time])[0].astype(int) - theirs.read(0, [20])[0]
    assert np.abs(difference).mean() <= error


def test_colours_survive_video_packs(tmp_path, vimeo):
    """Flat grey, red, green and blue: a wrong matrix or range would show."""
    colours = [(128, 128, 128), (200, 30, 30), (30, 200, 30), (30, 30, 200)]
    for k, colour in enumerate(colours):
        Image.new("RGB", (64, 48), colour).save(vimeo / f"sequences/00001/0001/im{k + 1}.png")
    pack(str(vimeo), str(tmp_path / "out"), codec="h264", quality=4)
    frames = opened(tmp_path / "out").read(0, [0, 1, 2, 3])
    assert np.abs(frames.mean((1, 2)) - colours).max() < 3


def test_parts_stay_below_their_size_and_any_record_is_found(tmp_path, vimeo):
    size = 7 * 48 * 64 * 3 + 100_000
    index = pack(str(vimeo), str(tmp_path / "out"), codec="raw", part_size=size)
    assert [part["records"] for part in index["parts"]] == [1, 1, 1]
    for part in index["parts"]:
        assert (tmp_path / "out" / part["file"]).stat().st_size <= size
    assert opened(tmp_path / "out").read(2, [6]).shape == (1, 48, 64, 3)


def test_stills_are_brought_to_one_size_without_distortion(tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(texture(0, 96, 96)).save(tmp_path / "in" / "square.png")
    pack(str(tmp_path / "in"), str(tmp_path / "out"), size=(64, 32))
    found = opened(tmp_path / "out").read(0, [0])[0]
    expected = Image.fromarray(texture(0, 96, 96)).resize((64, 64), Image.Resampling.LANCZOS)
    difference = found.mean(-1) - np.asarray(expected)[16:48].mean(-1)
    assert np.abs(difference).mean() < 3


def test_resident_data_needs_neither_grain_nor_arrayrecord_nor_pyav(tmp_path, stills):
    pack(str(stills), str(tmp_path / "out"), container="zip")
    script = f"""
import sys
sys.modules.update(grain=None, array_record=None, av=None, cv2=None)
from kbvc_jax.data.dataset import make_dataset
from kbvc_jax.data.config import DataConfig, SourceConfig
source = SourceConfig("pack", {str(tmp_path / "out")!r})
config = DataConfig(sources=(source,), crop=(16, 16), batch_size=1, frames=2, resident=True)
print(next(make_dataset(config))["frames"].shape)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.stdout.strip() == "(1, 2, 16, 16, 3)", run.stderr


def test_clips_are_joined_again_in_memory(tmp_path, videos):
    pack(str(videos), str(tmp_path / "out"), codec="jpeg", segment=8)
    config = DataConfig(
        sources=(SourceConfig("pack", str(tmp_path / "out")),),
        crop=(64, 64), batch_size=1, frames=9, stride=(4, 4), resident=True,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"data\.frames=9 needs longer ones"):
        make_dataset(config)
    assert next(make_dataset(replace(config, frames=7)))["frames"].shape == (1, 7, 64, 64, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{none}", "{out}"], "no such folder"),
        (["{stills}", "{stills}"], "holds files already"),
        (["{stills}", "{out}", "--kind", "videos"], "holds no videos"),
        (["{stills}", "{out}", "--codec", "h264"], "--codec h264 is for videos"),
        (["{stills}", "{out}", "--part-size", "1kB"], "do not fit a part of 1000"),
        (["{out}", "{out}2"], "neither videos nor pictures"),
    ],
)
def test_bad_arguments_are_answered_in_one_line(tmp_path, stills, capsys, arguments, message):
    out = tmp_path / "out"
    out.mkdir()
    names = {"none": tmp_path / "none", "stills": stills, "out": out}
    assert main([argument.format(**names) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_broken_picture_stops_a_small_pack(tmp_path, stills):
    (stills / "1.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"1\.png: .*; 1 of 4"):
        pack(str(stills), str(tmp_path / "out"))
    assert not (tmp_path / "out" / "pack.json").exists()


def test_a_part_that_is_missing_is_named(tmp_path, stills):
    pack(str(stills), str(tmp_path / "out"))
    (tmp_path / "out" / "part-00000.array_record").unlink()
    with pytest.raises(InputError, match=r"part-00000\.array_record: missing"):
        opened(tmp_path / "out")


def test_without_arrayrecord_another_container_is_named(tmp_path, stills, monkeypatch):
    """As on Windows."""
    pack(str(stills), str(tmp_path / "made elsewhere"))
    for part in ("module", "data_source"):
        monkeypatch.setitem(sys.modules, f"array_record.python.array_record_{part}", None)
    with pytest.raises(InputError, match=r"part-00000\.array_record: .* --container zip"):
        opened(tmp_path / "made elsewhere")
    with pytest.raises(InputError, match=r"part-00000\.array_record: .* --container zip"):
        pack(str(stills), str(tmp_path / "out"))


def test_an_index_of_another_version_is_refused(tmp_path, stills):
    index = pack(str(stills), str(tmp_path / "out"))
    (tmp_path / "out" / "pack.json").write_text(json.dumps({**index, "version": 99}))
    with pytest.raises(InputError, match="version 99"):
        opened(tmp_path / "out")
