import dataclasses
import shutil

import numpy as np
import pytest
from evaluation.conftest import SIZE, small_frames

from kbvc_jax.config import load_config
from kbvc_jax.evaluation.clips import find_clips, set_name, shard
from kbvc_jax.evaluation.config import EvaluationConfig, Sequence, SequenceSet, check
from kbvc_jax.runtime.errors import InputError

WIDTH, HEIGHT = SIZE
SET = SequenceSet(
    "Small", "its publisher", (Sequence("One", *SIZE, 5, 24), Sequence("Two", *SIZE, 4, 24))
)


def named(folder, **changes):
    return EvaluationConfig(set=SET, data=str(folder), **changes)


@pytest.fixture
def raw(tmp_path):
    """The set as raw files, the way test sequences are given out."""
    for name, count in (("One", 5), ("Two", 4)):
        data = b"".join(small_frames(count))
        (tmp_path / f"{name}_{WIDTH}x{HEIGHT}_24fps_420_8bit_YUV.yuv").write_bytes(data)
    return tmp_path


def test_raw_files_are_found_by_name_and_read_as_bt709_full_range(raw):
    one, two = find_clips(named(raw))
    assert (one.name, one.frames, two.name, two.frames) == ("One", 5, "Two", 4)
    assert (one.format.matrix, one.format.full_range) == ("709", True)
    frames = list(one.read())
    assert len(frames) == 5
    data = b"".join(plane.tobytes() for plane in frames[0].planes)
    assert data == next(small_frames(1))


def test_the_colour_conversion_can_be_chosen(raw):
    one, _ = find_clips(named(raw, matrix="601", full_range=False))
    other, _ = find_clips(named(raw))
    assert (one.description.matrix, one.description.full_range) == ("601", False)
    assert np.any(next(one.read()).rgb != next(other.read()).rgb)


def test_missing_sequences_are_named_with_their_origin(raw):
    next(raw.glob("Two*")).unlink()
    with pytest.raises(InputError, match="1 of 2 sequences of Small missing: Two; .* publisher"):
        find_clips(named(raw))


def test_sequences_that_are_not_chosen_may_be_missing(raw):
    next(raw.glob("Two*")).unlink()
    assert [c.name for c in find_clips(named(raw, sequences=("One",)))] == ["One"]


def test_a_sequence_of_the_wrong_length_is_refused(raw):
    path = next(raw.glob("One*"))
    path.write_bytes(path.read_bytes()[: -WIDTH * HEIGHT * 3 // 2])
    with pytest.raises(InputError, match="has 4 frames; One has 5"):
        find_clips(named(raw))


def test_a_sequence_of_the_wrong_size_is_refused(folder):
    wide = dataclasses.replace(SET.sequences[0], width=2 * WIDTH)
    config = EvaluationConfig(set=dataclasses.replace(SET, sequences=(wide,)), data=str(folder))
    with pytest.raises(InputError, match=f"is {WIDTH}x{HEIGHT}; One is {2 * WIDTH}x{HEIGHT}"):
        find_clips(config)


def test_two_files_for_one_sequence_are_refused(raw, folder):
    shutil.copy(folder / "one.y4m", raw / "one.y4m")
    with pytest.raises(InputError, match="several files for One"):
        find_clips(named(raw))


def test_any_folder_of_clips_is_a_set_called_after_it(folder):
    config = EvaluationConfig(data=str(folder))
    assert [c.name for c in find_clips(config)] == ["one", "two"]
    assert set_name(config) == folder.name


def test_more_frames_than_a_clip_has_are_refused(folder):
    with pytest.raises(InputError, match="two.y4m: has 4 frames, 5 are wanted"):
        find_clips(EvaluationConfig(data=str(folder), frames=5))


def test_only_the_first_frames_are_read(folder):
    clips = find_clips(EvaluationConfig(data=str(folder), frames=3))
    assert [len(list(clip.read())) for clip in clips] == [3, 3]


def test_an_unknown_name_is_refused(folder):
    with pytest.raises(InputError, match="sequences=three: not in the set; it has one, two"):
        find_clips(EvaluationConfig(data=str(folder), sequences=("three",)))


def test_the_bundled_clip_is_the_default():
    (clip,) = find_clips(EvaluationConfig())
    assert (clip.name, clip.frames, clip.format.width) == ("bunny", 33, 416)


def test_shards_deal_out_every_sequence_once(folder):
    clips = find_clips(EvaluationConfig(data=str(folder)))
    assert [[c.name for c in shard(clips, f"{i}/2")] for i in (1, 2)] == [["one"], ["two"]]
    with pytest.raises(InputError, match="must be i/n"):
        shard(clips, "3/2")


@pytest.mark.parametrize(
    ("name", "sequences", "frames"), [("uvg", 7, 3900), ("hevc_b", 5, 2080), ("mcl_jcv", 30, 4115)]
)
def test_the_configs_know_their_sets(name, sequences, frames):
    config = load_config(f"configs/{name}.py", EvaluationConfig)
    assert len(config.set.sequences) == sequences
    assert sum(sequence.frames for sequence in config.set.sequences) == frames
    with pytest.raises(InputError, match="--config.data=FOLDER; it comes from"):
        find_clips(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"gop": 7},
        {"other_gops": ("1", "7")},
        {"other_efforts": (0,)},
        {"other_presets": ("worst",)},
        {"other_gops": ("16",)},
        {"gop": 16, "keyint": 8},
        {"frames": 0},
        {"qualities": (101.0,)},
        {"minimum_overlap": 0.0},
    ],
)
def test_what_cannot_run_is_refused_before_it_does(changes):
    with pytest.raises(InputError):
        check(EvaluationConfig(**changes))
