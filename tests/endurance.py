"""Long runs in flat memory: a film encoded and decoded, whole and in two halves; training.

    python -m tests.endurance --frames 2000 --steps 1000

Memory is what Linux says is resident.
"""

import argparse
import hashlib
import io
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.training.loop import train
from kbvc_jax.video.format import VideoFormat
from tests.tiny import tiny_inference
from tests.training.stub import Clips, StubModel, config

HEIGHT, WIDTH = 32, 48
FORMAT = VideoFormat(WIDTH, HEIGHT, Fraction(25), "709", True, 8, "444")
KEYINT = 32
GROWTH = 1.05  # of the last quarter over the second
STATM = Path("/proc/self/statm")


class Memory:
    """Resident pages, sample by sample."""

    def __init__(self):
        self.samples = list[int]()

    def sample(self) -> None:
        self.samples.append(int(STATM.read_text().split()[1]))

    @property
    def growth(self) -> float:
        _, second, _, last = np.array_split(np.array(self.samples, float), 4)
        return float(last.mean() / second.mean())


class WatchedClips(Clips):
    def __init__(self, memory: Memory):
        super().__init__()
        self._memory = memory

    def __next__(self):
        self._memory.sample()
        return super().__next__()


def film(first: int, last: int) -> Iterator[np.ndarray]:
    """Frames of a moving pattern."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for t in range(first, last + 1):
        pattern = np.stack([(x + 2 * t) * 5, (y * x + t) % 97 * 2, (y - t) * 7], -1)
        yield (pattern % 256).astype(np.uint8)


def coded(codec: Codec, first: int, last: int, memory: Memory) -> list[str]:
    """A digest of each frame, from a file."""
    with tempfile.TemporaryFile() as file:

        def watched() -> Iterator[np.ndarray]:
            for frame in film(first, last):
                memory.sample()
                yield frame

        codec.encode_stream(watched(), FORMAT, file, 40, gop=8, keyint=KEYINT)
        file.seek(0)
        digests = []
        for frame in codec.decode_stream(StreamReader(io.BufferedReader(file))):
            memory.sample()
            digests.append(hashlib.sha256(frame.tobytes()).hexdigest())
    return digests


def check_film(frames: int) -> tuple[float, float]:
    """Growth while it is encoded and decoded; that in two halves it is the same is asserted."""
    codec, memory = Codec(tiny_inference(1)), Memory()
    coded(codec, 0, KEYINT, Memory())  # compiles
    whole = coded(codec, 0, frames - 1, memory)
    half = frames // 2 // KEYINT * KEYINT  # an I-frame
    assert whole[: half + 1] == coded(codec, 0, half, Memory())
    assert whole[half:] == coded(codec, half, frames - 1, Memory())
    encoding, decoding = Memory(), Memory()
    encoding.samples, decoding.samples = memory.samples[:frames], memory.samples[frames:]
    return encoding.growth, decoding.growth


def check_training(steps: int) -> float:
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        train(config(steps=steps, log_every=100), StubModel(), WatchedClips(memory), folder)
    return memory.growth


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    encoding, decoding = check_film(arguments.frames)
    training = check_training(arguments.steps)
    print(f"memory, last quarter over second: {encoding:.4f} while {arguments.frames} frames are")
    print(
        f"encoded, {decoding:.4f} while they are decoded, {training:.4f} in {arguments.steps} steps"
    )
    return int(max(encoding, decoding, training) > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
