"""A stream that decodes alike on every machine: made where the weights were, read where they are.

assets/selftest/   clip.kbvc     I- and B-frames of the demo clip, by the weights that ship
                   frames.png    as they were decoded, side by side
                   symbols.txt   a digest of all symbols

Made anew, for other weights, by

python -m tests.selftest
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt
from PIL import Image

from kbvc_jax.codec.decoder import decode_gops
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.payload import Coded
from kbvc_jax.coding.container import GopRecord, StreamReader
from kbvc_jax.models.checkpoint import InferenceModel

ASSETS = Path(__file__).parent / "assets" / "selftest"
STREAM, FRAMES, SYMBOLS = "clip.kbvc", "frames.png", "symbols.txt"
APART, SHARE = 1, 0.001  # the most that samples may differ, and how many of them

Frames = UInt[np.ndarray, "t h w 3"]


class Decoded(NamedTuple):
    symbols: str  # a digest
    frames: Frames


class Verdict(NamedTuple):
    same_symbols: bool
    apart: int  # of samples, the largest
    share: float  # of samples that differ

    @property
    def passed(self) -> bool:
        return self.same_symbols and self.apart <= APART and self.share <= SHARE


def expected(folder: Path = ASSETS) -> Decoded:
    with Image.open(folder / FRAMES) as picture:
        wide = np.asarray(picture)
    count = wide.shape[1] // stream(folder).header.width
    frames = np.stack(np.split(wide, count, axis=1))
    return Decoded((folder / SYMBOLS).read_text().strip(), frames)


def stream(folder: Path = ASSETS) -> StreamReader:
    return StreamReader(io.BytesIO((folder / STREAM).read_bytes()))


def decode(inference: InferenceModel, stream: StreamReader) -> Decoded:
    """On this machine."""
    digest = hashlib.sha256()

    def watch(record: GopRecord, depth: int, coded: Sequence[Coded]) -> None:
        """Latent by latent, as they stand in the payload, whatever the batches."""
        for name in coded[0].symbols:
            for batch in coded:
                digest.update(np.asarray(batch.symbols[name]).astype("<i4").tobytes())

    network = Network(inference, stream.header.bit_depth)
    decoded = np.stack(list(decode_gops(network, stream, watch=watch)))
    return Decoded(digest.hexdigest(), decoded)


def compare(found: Decoded, expected: Decoded) -> Verdict:
    difference = np.abs(found.frames.astype(int) - expected.frames)
    return Verdict(
        found.symbols == expected.symbols, int(difference.max()), float((difference > 0).mean())
    )
