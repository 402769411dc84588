"""`kbvc decode --recover`: of a damaged file all that is whole, and exit status 3."""

import io
import random

import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.cli.decode import spans
from kbvc_jax.cli.main import main
from kbvc_jax.coding.container import StreamReader
from tests.codec.golden import picture
from tests.coding.damage import check_pixels, cuts, flips, sound

FRAMES = picture(17, 8)


@pytest.fixture(scope="module")
def codec(checkpoint):
    return kbvc_jax.load(checkpoint)


@pytest.fixture(scope="module")
def stream(codec):
    """Groups of 4: 0 I, 1-4 P, 5-8 I, 9-12 P, 13-16 I."""
    data = codec.encode(FRAMES, 60, gop=4, keyint=8)
    assert [r.alone for r in StreamReader(io.BytesIO(data))] == [True, False, True, False, True]
    return data


@pytest.fixture(scope="module")
def whole(codec, stream):
    return codec.decode(stream)


@pytest.fixture
def recover(checkpoint, tmp_path, capsys):
    """Exit status, standard error and frames of the command."""

    def run(data: bytes, *options) -> tuple[int, str, np.ndarray | None]:
        source, target = tmp_path / "in.kbvc", tmp_path / "out"
        source.write_bytes(data)
        argv = ["decode", source, target, "--checkpoint", checkpoint, "--recover", "--quiet"]
        status = main([str(argument) for argument in (*argv, *options)])
        said = capsys.readouterr().err.replace(str(source), "FILE")
        if not target.exists():
            return status, said, None
        with kbvc_jax.open_video(target) as video:
            return status, said, np.stack(list(video))

    return run


def entries(data: bytes):
    return StreamReader(io.BytesIO(data)).index


def flipped(data: bytes, *places: int) -> bytes:
    damaged = bytearray(data)
    for place in places:
        damaged[place] ^= 0x55
    return bytes(damaged)


def within(entry) -> int:
    """A byte of a record's payload."""
    return entry.offset + entry.size // 2


def concealed(whole: np.ndarray, lost: range) -> np.ndarray:
    shown = list(whole)
    for number in lost:
        shown[number] = shown[number - 1] if lost.start else shown[lost.stop]
    return np.stack(shown)


# Of each record: what is lost with it. Closing I-frames need no other frame.
WITH = {0: range(8), 1: range(1, 8), 2: range(5, 16), 3: range(9, 16), 4: range(13, 17)}


@pytest.mark.parametrize("record", WITH)
def test_whole_groups_are_written_and_the_last_whole_frame_repeated(record, stream, whole, recover):
    lost = WITH[record]
    status, said, frames = recover(flipped(stream, within(entries(stream)[record])))
    assert status == 3
    assert said == (
        f"kbvc: FILE: damaged; {len(lost)} of 17 frames concealed: {lost[0]}-{lost[-1]}\n"
    )
    assert np.array_equal(frames, concealed(whole, lost))


def test_without_an_index_the_next_whole_record_is_searched_for(stream, whole, recover):
    """The search finds where it stands, the header how many frames there are."""
    hit = entries(stream)[1]
    status, said, frames = recover(flipped(stream, within(hit), len(stream) - 1))
    assert (status, said.count("1-7")) == (3, 1)
    assert np.array_equal(frames, concealed(whole, WITH[1]))
    status, _, frames = recover(flipped(stream, hit.offset + 2, hit.offset, len(stream) - 1), "-y")
    assert status == 3
    assert np.array_equal(frames, concealed(whole, WITH[1]))


@pytest.mark.parametrize("change", [lambda lost: b"", lambda lost: lost + b"more"])
def test_what_follows_missing_or_added_bytes_is_found_by_the_index(change, stream, whole, recover):
    at = within(entries(stream)[3])
    status, _, frames = recover(stream[:at] + change(stream[at : at + 9]) + stream[at + 9 :])
    assert status == 3
    assert np.array_equal(frames, concealed(whole, WITH[3]))


def test_a_cut_file_has_the_frames_that_its_header_promises(stream, whole, recover):
    status, said, frames = recover(stream[: within(entries(stream)[3])])
    assert (status, said.count("9-16")) == (3, 1)
    assert np.array_equal(frames, concealed(whole, range(9, 17)))


def test_a_part_is_that_of_the_whole(stream, whole, recover):
    damaged = flipped(stream, within(entries(stream)[1]))
    status, said, frames = recover(damaged, "--start", 6, "--frames", 3)
    assert (status, said) == (3, "kbvc: FILE: damaged; 2 of 3 frames concealed: 6-7\n")
    assert np.array_equal(frames, concealed(whole, WITH[1])[6:9])
    assert recover(damaged, "--start", 8, "--frames", 2, "-y")[:2] == (0, "")


def test_of_a_whole_file_it_writes_what_decoding_does(stream, whole, recover):
    status, said, frames = recover(stream)
    assert (status, said) == (0, "")
    assert np.array_equal(frames, whole)


def test_a_damaged_index_alone_loses_no_frame(stream, whole, recover):
    status, said, frames = recover(flipped(stream, len(stream) - 1))
    assert (status, said) == (0, "")
    assert np.array_equal(frames, whole)


def test_where_nothing_is_whole_nothing_is_written(stream, recover):
    damaged = flipped(stream, *(within(entry) for entry in entries(stream)))
    status, said, frames = recover(damaged)
    assert (status, said) == (2, "kbvc: FILE: no frame is whole; copy the file again\n")
    assert frames is None


def test_a_damaged_header_is_refused(stream, recover):
    status, said, frames = recover(flipped(stream, 9))
    assert (status, said) == (2, "kbvc: FILE: damaged header: its check sum does not match\n")
    assert frames is None


def test_damage_anywhere_is_an_error_and_recovered_without_a_wrong_frame(codec, stream, whole):
    rng, own = random.Random(0), sound(stream)
    for damaged in (*flips(own, 6, rng), *list(cuts(own, 3, rng))[-3:]):
        check_pixels(codec, whole, damaged)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["-", "out", "--recover"], "a pipe can be read only once"),
        (["a.kbvc", "out", "--recover", "--verify"], "refuses damage"),
        (["a.kbvc", "out", "--recover", "--workers", "2"], "the work of one"),
    ],
)
def test_what_it_cannot_do_is_said(argv, why, capsys):
    assert main(["decode", *argv]) == 2
    assert why in capsys.readouterr().err


def test_numbers_are_told_by_runs():
    assert spans([]) == ""
    assert spans([3]) == "3"
    assert spans([0, 1, 2, 5, 8, 9]) == "0-2, 5, 8-9"
