"""Clips of a few frames, and a codec with random weights."""

from pathlib import Path

import av
import numpy as np
import pytest
from tiny import read_once, tiny_inference

from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig
from kbvc_jax.models.checkpoint import save_inference

BUNNY = Path(__file__).parents[2] / "kbvc_jax" / "assets" / "bunny.mp4"
SIZE = (192, 176)  # the least that has MS-SSIM, nearly


def small_frames(count):
    """A window of the bundled clip, as yuv420p bytes."""
    width, height = SIZE
    with av.open(str(BUNNY)) as container:
        for _, frame in zip(range(count), container.decode(video=0), strict=False):
            planes = frame.to_ndarray(format="yuv420p").ravel()
            y, u, v = np.split(planes, (416 * 240, 416 * 240 * 5 // 4))
            window = [y.reshape(240, 416)[40 : 40 + height, 100 : 100 + width]]
            for c in (u, v):
                window.append(c.reshape(120, 208)[20 : 20 + height // 2, 50 : 50 + width // 2])
            yield b"".join(np.ascontiguousarray(plane).tobytes() for plane in window)


def write_y4m(path, count):
    width, height = SIZE
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F24:1 Ip A1:1 C420jpeg\n".encode())
        for frame in small_frames(count):
            file.write(b"FRAME\n" + frame)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Two sequences, of five frames and of four."""
    out = tmp_path_factory.mktemp("clips")
    write_y4m(out / "one.y4m", 5)
    write_y4m(out / "two.y4m", 4)
    return out


@pytest.fixture(scope="session")
def clip(folder):
    return find_clips(EvaluationConfig(data=str(folder), sequences=("one",)))[0]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    save_inference(folder, tiny_inference(seed=1))
    return folder


@pytest.fixture
def config(folder, checkpoint):
    """Everything small: one codec of ours, the quick x264."""
    return EvaluationConfig(
        data=str(folder),
        sequences=("one",),
        checkpoints=(f"ours={checkpoint}",),
        qualities=(20.0, 80.0),
        anchors=AnchorConfig(codecs=("x264",), quantisers=(27.0, 37.0)),
        pictures=1,
    )


@pytest.fixture(autouse=True)
def checkpoints_are_read_once(monkeypatch):
    monkeypatch.setattr("kbvc_jax.api.load_inference", read_once)
