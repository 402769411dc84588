"""The public API as the README shows it."""

import io
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_inference

import kbvc_jax
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.files import video_format

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))


@pytest.fixture(scope="module")
def codec():
    return kbvc_jax.Codec(tiny_inference(seed=1))


@pytest.fixture(scope="module")
def frames():
    with kbvc_jax.open_video(CLIP, frames=3) as video:
        return np.stack(list(video))[:, :64, :96]


def test_arrays_go_in_and_come_out(codec, frames):
    data = codec.encode(frames, quality=50, gop=2)
    decoded = codec.decode(data)
    assert decoded.shape == frames.shape and decoded.dtype == np.uint8
    assert np.array_equal(codec.decode(data, start=1, frames=1), decoded[1:2])


def test_streams_give_what_arrays_give(codec, frames):
    data, streamed = codec.encode(frames, gop=2), io.BytesIO()
    reference = StreamReader(io.BytesIO(data)).header
    codec.encode_stream(iter(frames), video_format(reference), streamed, gop=2)
    assert streamed.getvalue() == data
    decoded = list(codec.decode_stream(StreamReader(io.BytesIO(data))))
    assert np.array_equal(decoded, codec.decode(data))


def test_single_options_win_over_a_preset_of_which_a_model_takes_what_it_has(codec):
    assert codec.options(preset="fast").b_frames == "predicted"  # this one cannot send motion
    best = codec.options(30, preset="best", effort=2)
    assert (best.gop, best.effort, best.b_frames) == ("auto", 2, "predicted")


@pytest.mark.heavy
def test_a_file_of_a_wanted_size_or_bitrate_is_that_of_the_quality_found(tmp_path):
    codec = kbvc_jax.load(Path(__file__).parent / "codec" / "golden" / "model")
    made, again, options = tmp_path / "made", tmp_path / "again", {"frames": 2, "gop": 1}
    found = codec.encode_file(CLIP, made, target_size=6000, **options)
    assert found.bytes == made.stat().st_size == pytest.approx(6000, rel=0.03)
    codec.encode_file(CLIP, again, quality=found.quality, **options)
    assert again.read_bytes() == made.read_bytes()
    kilobits = found.kilobits_per_second
    found = codec.encode_file(CLIP, again, bitrate=1000 * kilobits, overwrite=True, **options)
    assert found.kilobits_per_second == pytest.approx(kilobits, rel=0.03)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ({"quality": 3, "bitrate": 5}, "only one can be met"),
        ({"bitrate": 3, "target_size": 5}, "one of them"),
        ({"target_size": 0}, "must be above 0"),
    ],
)
def test_a_rate_that_is_none_is_refused(codec, rate, words, tmp_path):
    with pytest.raises(kbvc_jax.InputError, match=words):
        codec.encode_file(CLIP, tmp_path / "a.kbvc", **rate)


def test_importing_the_package_imports_no_jax():
    code = "import sys, kbvc_jax, kbvc_jax.config; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_every_public_name_is_there_and_no_other():
    for name in kbvc_jax.__all__:
        assert getattr(kbvc_jax, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Coder'"):
        kbvc_jax.Coder  # noqa: B018
