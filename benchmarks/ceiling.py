"""What the network can show: a frame as I-frame and as B-frame, without a quantiser and with it.

    python benchmarks/ceiling.py FOLDER-OF-CLIPS --distance 1 4 --quality 50 100

RGB PSNR of one frame a clip, mean over clips; its references are decoded I-frames at the distance.
Where the unquantised frame lies low, its codec is too narrow and more bits are wasted.
"""

import argparse
import sys

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

import kbvc_jax
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.walk import estimate
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.padding import pad_to_multiple
from kbvc_jax.runtime.exit import exit_status

LEAF = 2


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--distance", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--quality", type=float, nargs="+", default=[50, 100])
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()

    model = kbvc_jax.load(arguments.checkpoint).inference.model
    reach = max(arguments.distance)
    clips = find_clips(EvaluationConfig(data=arguments.folder, frames=2 * reach + 1))
    groups = [[frame.rgb for frame in clip.read()] for clip in clips]
    print("distance  quality   I-frame, unquantised   I-frame   B-frame, unquantised   B-frame")
    for distance in arguments.distance:
        for quality in arguments.quality:
            rows = [
                reached(model, quality, *group[reach - distance : reach + distance + 1 : distance])
                for group in groups
            ]
            unquantised_i, i, unquantised_b, b = np.mean(rows, 0)
            print(
                f"{distance:8} {quality:8g} {unquantised_i:22.2f} {i:9.2f}"
                f" {unquantised_b:22.2f} {b:9.2f}",
                flush=True,
            )
    return 0


def reached(model: Kbvc, quality: float, *frames: np.ndarray) -> list[float]:
    """PSNR of the middle one of three frames: I, unquantised and coded, B, likewise."""
    height, width = frames[1].shape[:2]
    samples = pad_to_multiple(jnp.asarray(np.stack(frames), jnp.float32) / 255, 16)
    found = np.asarray(_code(model, samples, jnp.float32(quality)))[:, :height, :width]
    return [psnr(frames[1], np.rint(255 * np.clip(f, 0, 1)), 255) for f in found]


@nnx.jit
def _code(
    model: Kbvc, frames: Float[Array, "3 h w 3"], quality: Float[Array, ""]
) -> Float[Array, "4 h w 3"]:
    image_rate = Rate(quality[None], jnp.array([0]))
    size, middle = Size(*frames.shape[1:3]), frames[1:2]
    image, kernel = model.codec("image", size), model.codec("kernel", size)
    image_ceiling = image.synthesise(
        image.analyse(middle, None, None, image_rate), None, image_rate
    )
    rates = Rate(jnp.broadcast_to(quality, 3), jnp.zeros(3, jnp.int32))
    images = estimate(image, frames, (), rates).decoded.frame
    shown = jnp.rint(255 * jnp.clip(images, 0, 1)) / 255
    sides = [Decoded(shown[:1], None), Decoded(shown[2:], None)]
    rate = Rate(quality[None], jnp.array([LEAF]))
    context = kernel.context(sides, rate)
    ceiling = kernel.synthesise(kernel.analyse(middle, None, context, rate), context, rate)
    coded = estimate(kernel, middle, sides, rate).decoded
    return jnp.concatenate([image_ceiling.frame, images[1:2], ceiling.frame, coded.frame])


if __name__ == "__main__":
    sys.exit(exit_status(run, "ceiling.py"))
