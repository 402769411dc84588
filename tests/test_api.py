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


def test_importing_the_package_imports_no_jax():
    code = "import sys, kbvc_jax, kbvc_jax.config; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_every_public_name_is_there_and_no_other():
    for name in kbvc_jax.__all__:
        assert getattr(kbvc_jax, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Coder'"):
        kbvc_jax.Coder  # noqa: B018
