"""The weights in the box, on the bundled clip: five frames through real files."""

from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kbvc_jax
from kbvc_jax.encoder.gop_choice import FALL
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.training.group import code_group, depths_of, observed
from kbvc_jax.training.loss import falling

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
QUALITIES = (0, 25, 50, 75, 100)
FRAMES = 5
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]  # as users have it


@pytest.fixture(scope="module")
def codec():
    return kbvc_jax.load()


@pytest.fixture(scope="module")
def frames():
    with kbvc_jax.open_video(CLIP, frames=FRAMES) as video:
        return np.stack(list(video))


@pytest.fixture(scope="module")
def streams(codec, frames):
    return [codec.encode(frames, quality, gop=4, keyint=4) for quality in QUALITIES]


def test_rate_and_quality_rise_together(codec, frames, streams):
    errors = [
        np.mean((codec.decode(data).astype(float) - frames.astype(float)) ** 2) for data in streams
    ]
    psnr = 10 * np.log10(255**2 / np.array(errors))
    assert np.all(np.diff(psnr) > 0) and psnr[-1] > psnr[0] + 4
    sizes = np.array([len(data) for data in streams])
    assert np.all(np.diff(sizes) > 0) and sizes[-1] > 8 * sizes[0]


def test_b_frames_pay(codec, frames, streams):
    """The same quality without them takes more bytes."""
    assert len(codec.encode(frames, 50, gop=1, keyint=1)) > 1.3 * len(streams[2])


def test_effort_pays(codec, frames):
    """In bits and weighted errors of the file itself."""
    weight = float(lambda_of(90.0, codec.inference.model.config)) / 3
    costs = []
    for effort in (0, 3):
        data = codec.encode(frames[:3], 90, gop=2, effort=effort, b_frames="kernel")
        errors = np.square(codec.decode(data).astype(float) - frames[:3])
        costs.append(8 * len(data) + weight * errors.sum())
    assert costs[1] < 0.96 * costs[0]


def found(b_frames, frames, decoded):
    """What an encoder finds out of each depth of B-frames, by the references that it has."""
    if not CODECS[b_frames].observes:
        return None
    sources = [Source(frame) for frame in frames]
    depths = depths_of(len(frames), b_frames)[1:]
    return [jnp.asarray(observed(depth, sources, decoded)) for depth in depths]


@pytest.mark.parametrize("b_frames", ["predicted", "kernel", "motion", "compensated"])
def test_likelihood_and_file_size_agree(codec, frames, b_frames):
    """What training and validation estimate, from float scales, and the bytes, of 10 kB and more:
    as the shipped weights are, by the path that runs and the options that it has by default, but
    for I-frames around the group, as training has them."""
    asked = EncoderOptions(gop=4, b_frames=b_frames).resolved(codec.inference.model.config)
    streams = [codec.encode(frames, q, gop=4, keyint=4, b_frames=b_frames) for q in QUALITIES]
    source = jnp.asarray(frames, jnp.float32) / 255
    model, how = codec.inference.model, {"b_frames": b_frames, "rounding": asked.rounding}
    estimate = jax.jit(
        lambda source, quality, seen: code_group(model, source, quality, observed=seen, **how)
    )
    large = [row for row in zip(QUALITIES, streams, strict=True) if len(row[1]) >= 10_000]
    assert len(large) > 1
    for quality, data in large:
        seen = found(b_frames, frames, codec.decode(data))
        group = estimate(source, falling(jnp.float32(quality), FALL / 2, len(frames)), seen)
        bits = float(group.bits_y.sum() + group.bits_z.sum())
        assert 8 * len(data) == pytest.approx(bits, rel=0.01)
