import logging

import av
import numpy as np
import pytest
from data.footage import BUNNY
from PIL import Image

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.data.decode import BrokenError
from kbvc_jax.data.sources import Tolerance, open_source, stretches
from kbvc_jax.errors import InputError


def test_vimeo_reads_the_frames_asked_for(vimeo):
    source = open_source(SourceConfig("vimeo", str(vimeo)), DataConfig())
    assert list(source.names) == ["00001/0001", "00001/0002", "00002/0001"]
    frames = source.read(1, [6, 0, 3])
    expected = [
        np.asarray(Image.open(vimeo / f"sequences/00001/0002/im{k}.png")) for k in (7, 1, 4)
    ]
    np.testing.assert_array_equal(frames, expected)


def test_videos_are_read_anywhere(videos):
    source = open_source(SourceConfig("videos", str(videos)), DataConfig())
    assert source.lengths.sum() == 33
    frames = source.read(0, [20, 4, 32])
    with av.open(BUNNY) as container:
        every = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    np.testing.assert_array_equal(frames, [every[20], every[4], every[32]])


def test_a_list_names_what_is_used(stills):
    (stills / "some.txt").write_text("2.png\n0.png\n")
    source = open_source(SourceConfig("stills", str(stills), list="some.txt"), DataConfig())
    assert list(source.names) == ["2.png", "0.png"]


def test_long_videos_are_cut_into_nearly_equal_items():
    assert stretches(130, 64) == [(0, 43), (43, 43), (86, 44)]
    assert stretches(5, 64) == [(0, 5)]
    assert stretches(0, 64) == []


@pytest.mark.parametrize("kind", ["vimeo", "videos", "stills", "pack"])
def test_a_missing_folder_is_named(tmp_path, kind):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        open_source(SourceConfig(kind, "nowhere"), DataConfig(root=str(tmp_path)))


@pytest.mark.parametrize("kind", ["videos", "stills"])
def test_an_empty_folder_is_refused(tmp_path, kind):
    with pytest.raises(InputError, match=f"holds nothing of kind '{kind}'"):
        open_source(SourceConfig(kind, str(tmp_path)), DataConfig())


def test_an_empty_list_is_refused(vimeo):
    (vimeo / "sep_trainlist.txt").write_text("\n")
    with pytest.raises(InputError, match=r"sep_trainlist\.txt: an empty list"):
        open_source(SourceConfig("vimeo", str(vimeo)), DataConfig())


def test_septuplets_that_the_list_names_must_be_there(vimeo):
    with (vimeo / "sep_trainlist.txt").open("a") as file:
        file.write("00002/0009\n")
    with pytest.raises(InputError, match="00002/0009 is missing"):
        open_source(SourceConfig("vimeo", str(vimeo)), DataConfig())


def test_clips_shorter_than_asked_are_refused(vimeo):
    with pytest.raises(InputError, match=r"7 frames; data\.frames=9"):
        open_source(SourceConfig("vimeo", str(vimeo)), DataConfig(frames=9))


def test_a_folder_without_an_index_is_no_pack(tmp_path):
    with pytest.raises(InputError, match=r"no pack\.json there"):
        open_source(SourceConfig("pack", str(tmp_path)), DataConfig())


def test_broken_items_are_skipped_up_to_a_thousandth(caplog):
    tolerance = Tolerance("somewhere", 2000)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):  # each counts once
            tolerance.record(1, BrokenError("one.png: truncated"))
        tolerance.record(2, BrokenError("two.png: truncated"))
    assert caplog.text.count("truncated") == 2
    with pytest.raises(InputError, match=r"three\.png: truncated; 3 of 2000"):
        tolerance.record(3, BrokenError("three.png: truncated"))
