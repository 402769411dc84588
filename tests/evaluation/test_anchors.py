import dataclasses
import os
import stat
import sys

import av
import pytest

from kbvc_jax.evaluation.anchors import anchors
from kbvc_jax.evaluation.anchors.process import ProgramError
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig
from kbvc_jax.evaluation.measure import Fidelity, measure
from kbvc_jax.runtime.errors import InputError

FAST = {"preset": "ultrafast"}


def chosen(*names, **options):
    return anchors(EvaluationConfig(anchors=AnchorConfig(codecs=names, **options)))


def measured(anchor, clip, setting, folder):
    target = folder / f"{setting}{anchor.suffix}"
    return measure(anchor, clip, setting, target, [Fidelity(clip)]), target


@pytest.mark.parametrize("name", ["x264", "x265-medium", "svt-av1", "vvenc", "libaom"])
def test_an_anchor_trades_rate_for_quality(name, clip, tmp_path):
    if name in ("vvenc", "libaom"):
        pytest.importorskip("imageio_ffmpeg", reason="needs kbvc-jax[anchors]")
    (anchor,) = chosen(name)
    good, _ = measured(anchor, clip, 25.0, tmp_path)
    bad, _ = measured(anchor, clip, 45.0, tmp_path)
    assert good.bytes > 1.5 * bad.bytes
    assert 20 < bad.mean("psnr") < good.mean("psnr") - 3
    assert len(good.values("psnr")) == clip.frames


def test_rate_is_the_size_of_the_file_and_the_frames_add_up_to_it(clip, tmp_path):
    (anchor,) = chosen("x264")
    point, path = measured(anchor, clip, 30.0, tmp_path)
    assert point.bytes == path.stat().st_size
    assert sum(point.frames["bits"]) == 8 * point.bytes
    assert point.frames["kind"] == ["I", "inter", "inter", "inter", "inter"]


@pytest.mark.parametrize("name", ["x264", "x265-medium"])
def test_key_frames_come_at_the_intra_period(name, folder, tmp_path):
    from evaluation.conftest import write_y4m

    write_y4m(tmp_path / "long.y4m", 17)
    (clip,) = find_clips(EvaluationConfig(data=str(tmp_path)))
    (anchor,) = chosen(name)
    quick = dataclasses.replace(anchor.kind, options={**anchor.kind.options, **FAST})
    anchor = dataclasses.replace(anchor, kind=quick)
    columns = anchor.encode(clip, 32.0, tmp_path / f"long{anchor.suffix}")
    kinds = columns["kind"]
    assert [i for i, kind in enumerate(kinds) if kind == "I"] == [0, 8, 16]


def test_the_stream_does_not_pay_for_the_encoders_name(clip, tmp_path):
    (anchor,) = chosen("x264")
    anchor.encode(clip, 40.0, tmp_path / "a.h264")
    assert b"x264" not in (tmp_path / "a.h264").read_bytes()
    with av.open(str(tmp_path / "a.h264")) as container:
        assert sum(1 for _ in container.decode(video=0)) == clip.frames


@pytest.mark.heavy
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away")
@pytest.mark.parametrize("name", ["x264", "x265"])
def test_the_rate_is_the_same_on_one_core(name, tmp_path):
    """On a clip of real motion: others are too easy to tell."""
    (clip,), (anchor,) = find_clips(EvaluationConfig(frames=17)), chosen(name)
    cores = os.sched_getaffinity(0)
    if len(cores) == 1:
        pytest.skip("there is but one")
    sizes = []
    for some in (cores, {min(cores)}):
        os.sched_setaffinity(0, some)
        try:
            sizes.append(measured(anchor, clip, 42.0, tmp_path)[0].bytes)
        finally:
            os.sched_setaffinity(0, cores)
    assert sizes[0] == sizes[1]


def test_an_unknown_anchor_is_refused_with_the_list():
    with pytest.raises(InputError, match="codecs=h267: unknown; there are x264, x265"):
        chosen("h267")


# An encoder that stores its input and a decoder that gives it back, with VTM's options.
PROGRAM = """#!{python}
import shutil, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
source, target = ("-i", "-b") if "-i" in options else ("-b", "-o")
if options.get("-q") == "99":
    sys.exit("quantiser out of range")
shutil.copy(options[source], options[target])
"""


@pytest.fixture
def reference(tmp_path):
    for name in ("EncoderApp", "DecoderApp"):
        path = tmp_path / name
        path.write_text(PROGRAM.format(python=sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "random_access.cfg").write_text("GOPSize: 8\n")
    return {"vtm": str(tmp_path / "EncoderApp"), "vtm_cfg": str(tmp_path / "random_access.cfg")}


def test_vtm_runs_where_its_programs_are_given(reference, clip, tmp_path):
    (anchor,) = chosen("vtm", **reference)
    point, _ = measured(anchor, clip, 32.0, tmp_path)
    assert point.mean("psnr_y") == 100  # the made-up encoder loses nothing
    assert point.bytes == clip.pixels * 3 // 2


def test_what_a_program_says_when_it_fails_is_passed_on(reference, clip, tmp_path):
    (anchor,) = chosen("vtm", **reference)
    with pytest.raises(ProgramError, match="exit status 1: quantiser out of range"):
        measured(anchor, clip, 99.0, tmp_path)


def test_vtm_without_its_programs_says_what_to_set():
    with pytest.raises(InputError, match=r"set anchors.vtm to its encoder and anchors.vtm_cfg"):
        chosen("vtm")
    with pytest.raises(InputError, match="/nowhere/EncoderApp: no such file"):
        chosen("vtm", vtm="/nowhere/EncoderApp", vtm_cfg="/nowhere/a.cfg")
