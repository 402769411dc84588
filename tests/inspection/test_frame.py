"""Frames of real streams of a tiny model, one of each codec."""

import io
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from tiny import tiny_inference

from examples.own_codec import ToyCodec, ToyNetwork
from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.inspection.frame import numbers_of
from kbvc_jax.models.checkpoint import load_inference
from kbvc_jax.models.codecs import registry
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.panels import Choice, Difference, Flow, Image, Kernels, Share
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.format import VideoFormat
from tests.codec.golden import FOLDER

pytestmark = pytest.mark.heavy

FUSION = {"before fusion": Image, "what fusion adds": Difference}
MODES_AND_FUSION = {"modes": Choice, **FUSION}
KERNELS = {
    f"{name}{what}": kind
    for name in ("previous", "following", "interpolated")
    for what, kind in {
        " reference": Image,
        ": share": Share,
        ": displacement": Flow,
        ": kernels of 3x3 pixels": Kernels,
    }.items()
}
MOTION = {
    "motion to the previous": Flow,
    "motion to the following": Flow,
    "previous, warped": Image,
    "following, warped": Image,
    "blend: share of the previous": Share,
    "blend": Image,
    "residual": Difference,
}
MEAN, CORRECTION = "mean of the references", "correction"  # of examples/own_codec.py
# name of the stream: a frame, its codec, depth, references; its latents; its panels in order
FRAMES = {
    "intra": (1, "image", 0, (), ["z", "y"], {}),
    "hierarchy": (2, "kernel", 1, (0, 4), ["z", "y"], KERNELS),
    "predicted": (3, "predicted", 2, (2, 4), ["modes", "z", "y"], MODES_AND_FUSION),
    "motion": (
        1,
        "motion",
        2,
        (0, 2),
        ["motion_z", "motion", "z", "y"],
        MOTION | FUSION,
    ),
    "compensated": (
        1,
        "compensated",
        2,
        (0, 2),
        ["motion", "shown", "z", "y"],
        MOTION | FUSION,
    ),
}


@cache
def codec() -> Codec:
    return Codec(load_inference(FOLDER / "model"))


def stream(name: str) -> StreamReader:
    return StreamReader(io.BytesIO((FOLDER / f"{name}.kbvc").read_bytes()))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_its_codec_its_references_and_the_panels_of_its_codec(name):
    number, kind, depth, references, latents, panels = FRAMES[name]
    coded, found = codec().inspect_stream(stream(name), number)
    assert (coded.codec, coded.depth, coded.references) == (kind, depth, references)
    assert list(coded.bits) == latents
    assert {caption: type(panel) for caption, panel in found.items()} == panels
    assert list(found) == list(panels)
    for panel in found.values():
        assert np.isfinite(np.asarray(panel[0])).all()
    np.testing.assert_array_equal(coded.frame, codec().decode(data(name))[number])


def data(name: str) -> bytes:
    return (FOLDER / f"{name}.kbvc").read_bytes()


@pytest.mark.parametrize("name", FRAMES)
def test_bits_by_position_sum_to_the_payload(name):
    opened = stream(name)
    for record in opened:
        depths = range(len(record.codecs))
        numbers = [number for depth in depths for number in numbers_of(record, depth)]
        assert sorted(numbers) == list(
            range(record.first_frame, record.first_frame + record.frames)
        )
        size = sum(codec().inspect_stream(opened, number).coded.bytes for number in numbers)
        assert len(record.payload) == pytest.approx(size, rel=0.01, abs=8)


def test_the_bits_of_a_frame_are_its_own():
    """Against what the encoder counted, frame by frame."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (5, 33, 49, 3)).astype(np.uint8)
    frames[2:] //= 8  # so that no two depths cost alike
    file = io.BytesIO()
    format = VideoFormat(49, 33, Fraction(25), "709", True, 8, "444")
    summary = codec().encode_stream(frames, format, file, 60, gop=4, b_frames="kernel")
    opened = StreamReader(io.BytesIO(file.getvalue()))
    for row in summary.statistics:
        total = codec().inspect_stream(opened, row.index).coded.total
        assert total == pytest.approx(dict(row.bits), rel=1e-6)


def test_a_closing_p_frame_refers_to_the_frame_before_its_group():
    coded = codec().inspect_stream(stream("predicted"), 4).coded
    assert (coded.codec, coded.depth, coded.references) == ("predicted", 0, (0,))


@pytest.mark.parametrize("number", [-1, 6])
def test_a_frame_that_is_not_there_is_refused(number):
    with pytest.raises(InputError, match=f"no frame {number}: the stream has 0 to 5"):
        codec().inspect_stream(stream("motion"), number)


def test_a_codec_of_ones_own_shows_what_it_has():
    registry.add("toy", ToyCodec)
    inference = tiny_inference(3)
    inference.model.toy = ToyNetwork()
    try:
        own = Codec(inference)
        clip = np.random.default_rng(1).integers(0, 256, (3, 32, 48, 3)).astype(np.uint8)
        made = own.encode(clip, 90, gop=2, b_frames="toy")
        coded, panels = own.inspect_stream(StreamReader(io.BytesIO(made)), 1)
    finally:
        NAMES.remove("toy")
        registry.CODECS.pop("toy")
    assert list(coded.bits) == ["colour"] and list(panels) == [MEAN, CORRECTION]
    blocks = panels[MEAN].samples + panels[CORRECTION].samples
    shown = np.rint(255 * np.clip(blocks, 0, 1)).repeat(16, 0).repeat(16, 1)
    np.testing.assert_array_equal(shown, coded.frame)
