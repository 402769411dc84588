"""What a frame's reference shows of it once moved: by the motion that P-frames send; by the flow
that they are told of, interpolated between cells; by the same flow with blocks that overlap; and by
such blocks and a search cell by cell (blocks.py).

    python benchmarks/compensation.py FOLDER-OF-CLIPS --distance 2 8 --quality 55

RGB PSNR of the moved source frame, mean over frames, and bytes of motion: those sent, and of the
search, to half a pixel, the entropy of differences from the median of three neighbours, by how much
these differ. Milliseconds are of the search.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from blocks import compensate, refined
from jaxtyping import Array

import kbvc_jax
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.models.codecs.contract import BLOCK, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion import estimation
from kbvc_jax.models.codecs.motion.network import spread
from kbvc_jax.ops.warp import warp
from kbvc_jax.rate import Quality, quality_of
from kbvc_jax.runtime.exit import exit_status

COLUMNS = "still", "sent", "bytes", "interpolated", "overlapped", "searched", "bytes", "ms"
STEP = 0.5  # pixels, of a motion that is counted
APART = (1, 2, 4, 8, 16)  # steps that neighbours differ by: each range has its own statistics

Sent = Callable[[Sequence[np.ndarray]], tuple[Array, float]]


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--frames", type=int, default=17, help="of each clip (default 17)")
    parser.add_argument("--distance", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--quality", type=float, default=55.0)
    arguments = parser.parse_args()

    network = EncoderNetwork(kbvc_jax.load().inference, 8)
    send = partial(sent, network, quality_of(arguments.quality))
    print(f"{'clip':16} {'distance':>8} " + " ".join(f"{name:>12}" for name in COLUMNS))
    rows = []
    for clip in find_clips(EvaluationConfig(data=arguments.folder, frames=arguments.frames)):
        frames = [whole(frame.rgb) for frame in clip.read()]
        for distance in arguments.distance:
            times = range(distance, len(frames), distance)
            found = np.mean([measured(send, frames[t - distance : t + 1]) for t in times], axis=0)
            rows.append((distance, *found))
            print(line(clip.name, distance, found), flush=True)
    for distance in arguments.distance:
        print(line("mean", distance, np.mean([r[1:] for r in rows if r[0] == distance], axis=0)))
    return 0


def whole(frame: np.ndarray) -> np.ndarray:
    """Its whole blocks."""
    height, width = (size - size % BLOCK for size in frame.shape[:2])
    return frame[:height, :width]


def measured(send: Sent, frames: Sequence[np.ndarray]) -> list[float]:
    """The last frame, from the first."""
    way = [estimation.grey(frame) for frame in frames[::-1]]
    flow, started = estimation._followed(way), time.perf_counter()
    searched = refined(way[0], way[-1], flow)
    milliseconds = 1000 * (time.perf_counter() - started)
    reference, source = jnp.asarray(frames[0], jnp.float32)[None], frames[-1]

    def decibels(shown: Array) -> float:
        return psnr(source, np.rint(np.asarray(shown[0])), 255)

    shown, sent_bytes = send(frames)
    return [
        decibels(reference),
        decibels(255 * shown),
        sent_bytes,
        decibels(interpolated(reference, flow[None])),
        decibels(overlapped(reference, flow[None])),
        decibels(overlapped(reference, searched[None])),
        entropy(searched) / 8,
        milliseconds,
    ]


def sent(
    network: EncoderNetwork, quality: Quality, frames: Sequence[np.ndarray]
) -> tuple[Array, float]:
    """The first frame as a P-frame moves it that is the last, and bytes."""
    size = Size(*frames[0].shape[:2])
    shapes = {latent.name: (1, *latent.shape) for latent in network.latents("image", size)}
    unknown = Memory(jnp.zeros(shapes["y"]), jnp.zeros(shapes["z"], jnp.int32))
    rates = FrameRates(quality, (INTRA,), closing_distances(len(frames) - 1))
    batch = network.batch("moved", size, rates, [[Picture(jnp.asarray(frames[0]), unknown)]])
    source, context = jnp.asarray(frames[-1])[None], network.context(batch)
    found = network.observe(batch, source, [[frames[-2:0:-1]]])
    exact = network.analyse_first(batch, source, found, context)
    symbols, tables, walked = network.begin(batch, exact, context, "rate")
    bits = [
        network._priced(latent, np.asarray(symbols[latent.name]), np.asarray(tables[latent.name]))
        for latent in network.latents("moved", size)
        if latent.name in symbols
    ]
    return walked.context.sent.moved.sides[0], float(np.sum(bits)) / 8


def entropy(motion: np.ndarray) -> float:
    """Bits."""
    steps = np.rint(motion / STEP).astype(int)
    padded = np.pad(steps, ((1, 0), (1, 1), (0, 0)))
    beside = np.stack([padded[1:, :-2], padded[:-1, 1:-1], padded[:-1, 2:]])
    left = steps - np.median(beside, 0).astype(int)
    kind = np.digitize((beside.max(0) - beside.min(0)).sum(-1), APART)
    found = [left[kind == k][:, axis] for k in range(len(APART) + 1) for axis in (0, 1)]
    return sum(len(own) * _bits(own) for own in found if len(own))


def _bits(numbers: np.ndarray) -> float:
    shares = np.unique(numbers, return_counts=True)[1] / len(numbers)
    return float(-(shares * np.log2(shares)).sum())


@jax.jit
def interpolated(image: Array, flow: Array) -> Array:
    return warp(image, spread(flow))


overlapped = jax.jit(compensate)


def line(name: str, distance: int, found: np.ndarray) -> str:
    return f"{name:16} {distance:8} " + " ".join(f"{number:12.2f}" for number in found)


if __name__ == "__main__":
    sys.exit(exit_status(run, "compensation.py"))
