"""What a frame's reference shows of it once moved: by the motion that P-frames send, and by the
flow that its search begins with, interpolated between cells and with blocks that overlap.

    python benchmarks/compensation.py FOLDER-OF-CLIPS --distance 2 8 --quality 55

RGB PSNR of the moved source frame, mean over frames; bytes of the motion sent, and milliseconds of
finding it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import kbvc_jax
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.coding.vectors import bits_of_each_vector
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.models.codecs.contract import BLOCK, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion.blocks import MOTION
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.models.codecs.motion.network import spread
from kbvc_jax.ops.overlap import compensate
from kbvc_jax.ops.warp import warp
from kbvc_jax.rate import Quality, quality_of
from kbvc_jax.runtime.exit import exit_status

COLUMNS = "still", "sent", "bytes", "ms", "interpolated", "overlapped"

Sent = Callable[[Sequence[np.ndarray]], tuple[Array, float, float]]


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
    way = [Source(frame) for frame in frames[::-1]]
    flow = way[0].motion(way)
    reference, source = jnp.asarray(frames[0], jnp.float32)[None], frames[-1]

    def decibels(shown: Array) -> float:
        return psnr(source, np.rint(np.asarray(shown[0])), 255)

    shown, sent_bytes, milliseconds = send(frames)
    return [
        decibels(reference),
        decibels(255 * shown),
        sent_bytes,
        milliseconds,
        decibels(interpolated(reference, flow[None])),
        decibels(overlapped(reference, flow[None])),
    ]


def sent(
    network: EncoderNetwork, quality: Quality, frames: Sequence[np.ndarray]
) -> tuple[Array, float, float]:
    """The first frame as a P-frame moves it that is the last; bytes, and milliseconds."""
    size = Size(*frames[0].shape[:2])
    shapes = {latent.name: (1, *latent.shape) for latent in network.latents("image", size)}
    unknown = Memory(jnp.zeros(shapes["y"]), jnp.zeros(shapes["z"], jnp.int32))
    rates = FrameRates(quality, (INTRA,), closing_distances(len(frames) - 1))
    batch = network.batch("moved", size, rates, [[Picture(jnp.asarray(frames[0]), unknown)]])
    source, context = jnp.asarray(frames[-1])[None], network.context(batch)
    started = time.perf_counter()
    found = network.observe(batch, [[[Source(frame) for frame in frames[::-1]]]])
    milliseconds = 1000 * (time.perf_counter() - started)
    exact = network.analyse_first(batch, source, found, context)
    symbols, _, walked = network.begin(batch, exact, context, "rate")
    bits = bits_of_each_vector(np.asarray(symbols[MOTION]).astype(np.int64)).sum()
    return walked.context.predictors.frames[0], bits / 8, milliseconds


@jax.jit
def interpolated(image: Array, flow: Array) -> Array:
    return warp(image, spread(flow))


overlapped = jax.jit(compensate)


def line(name: str, distance: int, found: np.ndarray) -> str:
    return f"{name:16} {distance:8} " + " ".join(f"{number:12.2f}" for number in found)


if __name__ == "__main__":
    sys.exit(exit_status(run, "compensation.py"))
