"""Folders that appear under their names only when they are whole."""

import contextlib
import os
import stat

import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.output import whole_folder

OWN = ("a.txt", "arrays")


def write(path, text, overwrite=False):
    with whole_folder(path, overwrite, OWN) as folder:
        (folder / "a.txt").write_text(text)
        (folder / "arrays").mkdir()


def test_a_folder_appears_with_all_that_was_written(tmp_path):
    write(tmp_path / "new" / "out", "first")
    assert (tmp_path / "new" / "out" / "a.txt").read_text() == "first"
    assert os.listdir(tmp_path / "new") == ["out"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new" / "out").stat().st_mode) == 0o777 & ~mask


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "new" / "out", False, OWN):
        _ = 1 / 0
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_line(tmp_path):
    with (
        pytest.raises(InputError, match="out: cannot write it .No space left"),
        whole_folder(tmp_path / "out", False, OWN),
    ):
        raise OSError(28, "No space left on device")


def test_an_old_folder_goes_only_when_the_new_one_is_whole(tmp_path):
    out = tmp_path / "out"
    write(out, "first")
    with contextlib.suppress(ZeroDivisionError), whole_folder(out, True, OWN) as folder:
        (folder / "a.txt").write_text("half")
        assert (out / "a.txt").read_text() == "first"
        _ = 1 / 0
    assert (out / "a.txt").read_text() == "first"
    write(out, "second", overwrite=True)
    assert (out / "a.txt").read_text() == "second"
    assert os.listdir(tmp_path) == ["out"]


def test_an_old_folder_stays_where_the_new_one_cannot_take_its_place(tmp_path):
    out = tmp_path / "out"
    write(out, "first")
    with pytest.raises(InputError, match="cannot write it"), whole_folder(out, True, OWN) as folder:
        folder.rmdir()
    assert (out / "a.txt").read_text() == "first"


def test_an_old_folder_is_kept_unless_told_otherwise(tmp_path):
    write(tmp_path / "out", "first")
    with pytest.raises(InputError, match="exists already; pass -y to overwrite it"):
        write(tmp_path / "out", "second")


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"holds thesis\.tex, which would be lost"):
        write(tmp_path, "second", overwrite=True)
    with pytest.raises(InputError, match="is a file; name a folder"):
        write(tmp_path / "thesis.tex", "second", overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    write(tmp_path / "real", "first")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", "second", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "second"
