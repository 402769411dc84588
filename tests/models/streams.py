"""Real streams of a codec of B-frames: decoded as they were encoded, read the same under noise."""

import io
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from kbvc_jax.api import Codec
from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.network import Network
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.video.format import VideoFormat
from tests.codec.golden import symbols_of

HEIGHT, WIDTH = 34, 50


def pictures(count: int) -> np.ndarray:
    """Of a world of noise that moves to the left."""
    rng = np.random.default_rng(3)
    world = rng.integers(0, 256, (HEIGHT, WIDTH + 4 * count, 3)).astype(np.uint8)
    return np.stack([world[:, 4 * t : 4 * t + WIDTH] for t in range(count)])


def check_stream(codec: Codec, b_frames: str, bits: int, options: dict) -> None:
    """It decodes to what the encoder saw, and its B-frames are of that codec."""
    frames = pictures(10).astype(np.uint16 if bits == 10 else np.uint8) << (bits - 8)
    shown, file = {}, io.BytesIO()
    format = VideoFormat(WIDTH, HEIGHT, Fraction(25), "709", True, bits, "444")
    codec.encode_stream(
        frames, format, file, 50, b_frames=b_frames, on_frame=shown.__setitem__, **options
    )
    np.testing.assert_array_equal(codec.decode(file.getvalue()), [shown[t] for t in range(10)])
    numbers = {n for record in StreamReader(io.BytesIO(file.getvalue())) for n in record.codecs[1:]}
    assert {NAMES[n] for n in numbers} == {b_frames}


def check_under_noise(codec: Codec, b_frames: str, monkeypatch, **options) -> None:
    """A thousandth on all floats that a decoder has: other pictures, the same symbols."""
    data = codec.encode(pictures(5), 50, gop=4, b_frames=b_frames, **options)
    digest, plain = symbols_of(codec, data)
    learn, reconstruct = Network.learn, Network.reconstruct
    keys = map(jax.random.key, itertools.count())

    def shaken(x):
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return x + 1e-3 * jax.random.normal(next(keys), x.shape)

    def noisy_from_first(self, batch, symbols, context):
        return learn(self, batch, symbols, jax.tree.map(shaken, context))

    def noisy(self, batch, symbols, begun):
        found = reconstruct(self, batch, symbols, jax.tree.map(shaken, begun))
        return [Picture(p.frame, jax.tree.map(shaken, p.memory)) for p in found]

    monkeypatch.setattr(Network, "learn", noisy_from_first)
    monkeypatch.setattr(Network, "reconstruct", noisy)
    other, seen = symbols_of(codec, data)
    assert other == digest
    assert 0 < np.abs(seen.astype(int) - plain).mean() < 20
