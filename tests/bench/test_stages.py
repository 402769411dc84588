"""Seconds by stage: all of them, each once."""

from fractions import Fraction

import pytest
from tiny import tiny_inference

from kbvc_jax.api import Codec
from kbvc_jax.bench import stages
from kbvc_jax.bench.run import Side, bench
from kbvc_jax.bench.stages import Stopwatch
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.writer import create_video
from tests.codec.golden import picture

pytestmark = pytest.mark.heavy


def test_every_moment_from_the_start_belongs_to_one_stage(monkeypatch):
    clock = iter([0.0, 10.0, 11.0, 13.0, 17.0, 25.0])
    monkeypatch.setattr(stages.time, "perf_counter", lambda: next(clock))
    stopwatch = Stopwatch()
    stopwatch.start()
    for stage in (stages.REST, stages.SYNTHESIS, stages.REST, stages.SYNTHESIS):
        stopwatch.lap(stage)
    assert stopwatch.seconds == {stages.SYNTHESIS: 2.0 + 8.0, stages.REST: 1.0 + 4.0}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    source = tmp_path_factory.mktemp("bench") / "clip.y4m"
    frames = picture(6, 8)
    height, width = frames.shape[1:3]
    format = VideoFormat(width, height, Fraction(25), "709", True, 8, "444")
    with create_video(source, format) as video:
        for frame in frames:
            video.write(frame)
    options = {"quality": 40.0, "gop": 4, "effort": 2}
    said = []
    return bench(Codec(tiny_inference(1)), source, 5, options, said.append)


def test_a_clip_is_measured_as_far_as_was_asked(report):
    assert report.frames == 5 and report.bytes > 0
    assert report.options.quality == 40.0 and report.options.gop == 4
    assert report.options.b_frames == "predicted"  # the model's own
    assert report.peak_memory is None or report.peak_memory > 2**26
    assert report.read > 0 and report.write > 0


def test_stages_add_up_to_what_the_clock_on_the_wall_says(report):
    for side in (report.encode, report.decode):
        assert sum(side.stages.values()) == pytest.approx(side.third, rel=0.05)
        assert all(seconds > 0 for seconds in side.stages.values())


def test_each_side_has_its_own_stages(report):
    shared = {stages.PREDICTION, stages.SYNTHESIS, stages.RANGE_CODING, stages.REST}
    encoder = {stages.ANALYSIS, stages.QUANTISATION, stages.REFINEMENT, stages.PRICES}
    assert set(report.encode.stages) == shared | encoder
    assert set(report.decode.stages) == shared | {stages.TABLES}


def test_compiling_is_what_only_the_first_clip_waits_for():
    assert Side(first=9.0, second=2.0, third=3.0, stages={}).compiling == 7.0
    assert Side(first=2.0, second=2.5, third=3.0, stages={}).compiling == 0.0  # a noisy machine
