import pytest

from kbvc_jax.codec.schedule import hierarchy


def test_gop_8_is_the_papers_hierarchy():
    depths = [[frame.time for frame in depth] for depth in hierarchy(8)]
    assert depths == [[4], [2, 6], [1, 3, 5, 7]]
    assert [frame.level for depth in hierarchy(8) for frame in depth] == [1, 1, 1, 2, 2, 2, 2]


def test_the_training_group_is_i0_b2_b1_b2_i0():
    levels = {frame.time: frame.level for depth in hierarchy(4) for frame in depth}
    assert levels == {1: 2, 2: 1, 3: 2}


@pytest.mark.parametrize("length", range(1, 33))
def test_every_frame_is_coded_once_after_its_references(length):
    times = [frame.time for depth in hierarchy(length) for frame in depth]
    assert sorted(times) == list(range(1, length))
    known = {0, length}
    for depth in hierarchy(length):
        for frame in depth:
            assert {frame.previous, frame.following} <= known
            assert frame.previous < frame.time < frame.following
        known |= {frame.time for frame in depth}


@pytest.mark.parametrize("length", range(2, 33))
def test_leaves_are_the_frames_that_none_refers_to(length):
    frames = [frame for depth in hierarchy(length) for frame in depth]
    used = {time for frame in frames for time in (frame.previous, frame.following)}
    assert {frame.time for frame in frames if frame.level == 2} == {
        frame.time for frame in frames if frame.time not in used
    }
