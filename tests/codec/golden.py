"""Streams that must decode the same for ever. Made anew, for a new version of the format, by

python -m tests.codec.golden

or a single one, by the model that is there, with its NAME after it.
"""

import dataclasses
import hashlib
import io
import itertools
import shutil
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from kbvc_jax.api import Codec
from kbvc_jax.coding import coder
from kbvc_jax.models.checkpoint import load_inference, save_inference
from kbvc_jax.selftest import ASSETS
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.reader import open_video
from tests.tiny import FINE, SENDING, built, inference, perturbed

FOLDER = Path(__file__).with_name("golden")
# name: frames, quality, options, bit depth
STREAMS = {
    "intra": (2, 10.0, {"gop": 1, "keyint": 1}, 8),
    "hierarchy": (6, 60.5, {"gop": 4, "keyint": 4, "b_frames": "kernel"}, 8),
    "predicted": (9, 70.0, {"gop": 4, "keyint": 8}, 8),
    "motion": (6, 60.0, {"gop": 4, "keyint": 4, "b_frames": "motion"}, 8),
    "moved": (7, 60.0, {"gop": 2, "b_frames": "predicted", "p_frames": "moved"}, 8),
    "compensated": (6, 60.0, {"gop": 4, "keyint": 4, "b_frames": "compensated"}, 8),
    "fine": (5, 40.0, {"gop": 4, "keyint": 4, "b_frames": "fine"}, 8),
    "ten-bit": (3, 100.0, {"gop": 2, "keyint": 2}, 10),
}


def footage(count: int, bit_depth: int) -> np.ndarray:
    """Of the demo clip: a pattern that repeats has many matches, and the least noise chooses."""
    with open_video(ASSETS.parent / "bunny.mp4") as video:
        frames = [frame[100:133, 180:229] for frame in itertools.islice(video, count)]
    return np.stack(frames).astype(np.uint16 if bit_depth > 8 else np.uint8) << (bit_depth - 8)


def picture(count: int, bit_depth: int) -> np.ndarray:
    """Frames of a moving pattern, in integers alone."""
    t, y, x = np.mgrid[:count, :33, :49]
    pattern = np.stack([(x + 2 * t) * 5, (y * x + t) % 97 * 2, (y - t) * 7], -1) % 256
    return (pattern << (bit_depth - 8)).astype(np.uint8 if bit_depth == 8 else np.uint16)


def symbols_of(codec: Codec, data: bytes) -> tuple[str, np.ndarray]:
    """A digest of every symbol that decoding reads, and the frames."""
    digest, decode = hashlib.sha256(), coder.SymbolDecoder.decode

    def spy(self, indexes, tables):
        symbols = decode(self, indexes, tables)
        digest.update(symbols.astype("<i4").tobytes())
        return symbols

    coder.SymbolDecoder.decode = spy
    try:
        frames = codec.decode(data)
    finally:
        coder.SymbolDecoder.decode = decode
    return digest.hexdigest(), frames


def regenerate() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    every = dataclasses.replace(SENDING, fine=FINE.fine)
    # As training begins with it, or nearly: of random weights most samples are black or white.
    save_inference(FOLDER / "model", inference(perturbed(built(every), 0.01), 7))
    write(STREAMS)


def write(names: Iterable[str]) -> None:
    codec = Codec(load_inference(FOLDER / "model"))
    for name in names:
        count, quality, options, bit_depth = STREAMS[name]
        frames, file = footage(count, bit_depth), io.BytesIO()
        height, width = frames.shape[1:3]
        format = VideoFormat(width, height, Fraction(25), "709", False, bit_depth, "420")
        codec.encode_stream(frames, format, file, quality, **options)
        (FOLDER / f"{name}.kbvc").write_bytes(file.getvalue())
        digest, decoded = symbols_of(codec, file.getvalue())
        (FOLDER / f"{name}.sha256").write_text(digest + "\n")
        np.savez_compressed(FOLDER / f"{name}.npz", frames=decoded)


if __name__ == "__main__":
    write(sys.argv[1:]) if sys.argv[1:] else regenerate()
