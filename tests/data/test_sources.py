import logging
import re
import subprocess

import av
import numpy as np
import pytest
from data.footage import BUNNY
from PIL import Image

from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.data.decode import BrokenError
from kbvc_jax.data.sources import Tolerance, open_source, stretches
from kbvc_jax.runtime.errors import InputError


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


@pytest.fixture
def part_of_vimeo(vimeo):
    """Under a list for the whole, in a folder whose name has a space."""
    with (vimeo / "sep_trainlist.txt").open("a") as file:
        file.write("00002/0009\n00777/0001\n")
    (vimeo / "sequences" / "00001" / "0003").mkdir()  # not in the list: a test septuplet
    return vimeo.rename(vimeo.parent / "my vimeo")


def test_a_list_for_more_septuplets_than_there_are_says_how_to_use_those(part_of_vimeo):
    with pytest.raises(InputError) as error:
        open_source(SourceConfig("vimeo", str(part_of_vimeo)), DataConfig())
    said = str(error.value)
    assert "2 of the 5 septuplets in sep_trainlist.txt are missing, 00002/0009 the first" in said
    assert "\n" not in said
    command = re.search(r"\(cd .*\)$", said)
    assert command
    subprocess.run(command[0], shell=True, check=True)
    source = SourceConfig("vimeo", str(part_of_vimeo), list="sep_partlist.txt")
    names = ["00001/0001", "00001/0002", "00002/0001"]
    assert list(open_source(source, DataConfig()).names) == names


def test_a_part_of_vimeo_is_used_where_that_is_wanted(part_of_vimeo, caplog):
    source = SourceConfig("vimeo", str(part_of_vimeo))
    found = open_source(source, DataConfig(partial=True))
    assert list(found.names) == ["00001/0001", "00001/0002", "00002/0001"]
    assert "2 of 5 septuplets are missing" in caplog.text


@pytest.mark.parametrize("partial", [False, True])
def test_a_folder_with_none_of_the_listed_septuplets_is_refused(vimeo, partial):
    (vimeo / "sequences").rename(vimeo / "elsewhere")
    with pytest.raises(InputError, match="none of the 3 septuplets .* sequences/00001/0001; set"):
        open_source(SourceConfig("vimeo", str(vimeo)), DataConfig(partial=partial))


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


def test_when_too_many_are_broken_every_thread_is_told(caplog):
    """The same item again, too: who goes on to the next would never end."""
    tolerance = Tolerance("somewhere", 3)
    for _ in range(2):
        with pytest.raises(InputError, match="1 of 3 in somewhere are broken"):
            tolerance.record("a", BrokenError("a: gone"))
