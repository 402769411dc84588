"""What the kernel heads could show if nothing stood before them.

    python benchmarks/kernels.py FOLDER-OF-CLIPS --distance 1 4 --steps 250

Kernel heads of the checkpoint's shape, begun anew, and free features at half resolution are fitted
to one crop of each clip: no encoder, no latent, no trunk. RGB PSNR, mean over clips; references are
source frames at the distance. Above benchmarks/ceiling.py the heads are wide enough, and what is
lacking comes before them.
"""

import argparse
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

import kbvc_jax
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.models.codecs.kernel import KernelNetwork
from kbvc_jax.models.parameters import split
from kbvc_jax.ops.synthesis import synthesise
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.parameters import build

HEADS_RATE, FEATURES_RATE = 3e-3, 1.5e-2


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--distance", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()

    model = kbvc_jax.load(arguments.checkpoint).inference.model
    reach = max(arguments.distance)
    clips = find_clips(EvaluationConfig(data=arguments.folder, frames=2 * reach + 1))
    groups = [[_middle(frame.rgb, arguments.crop) for frame in clip.read()] for clip in clips]
    codec = build(TrainConfig(model=model.config)).frame
    channels = model.config.frame.hidden_channels[0]
    for distance in arguments.distance:
        previous, frames, following = (
            jnp.asarray(np.stack([group[reach + d] for group in groups]), jnp.float32) / 255
            for d in (-distance, 0, distance)
        )
        references = model.references(previous, following)
        for step, psnr in fitted(codec, channels, frames, references, arguments.steps):
            print(f"distance {distance}, step {step}: {psnr:.2f} dB", flush=True)
    return 0


def _middle(frame: np.ndarray, size: int) -> np.ndarray:
    top, left = ((whole - size) // 2 for whole in frame.shape[:2])
    return frame[top : top + size, left : left + size]


def fitted(codec: KernelNetwork, channels: int, frames: Array, references: Array, steps: int):
    """(step, PSNR) a few times on the way."""
    count, height, width, _ = frames.shape
    skeleton, weights = split(codec)
    shape = (count, height // 2, width // 2, channels)
    features = 0.3 * jax.random.normal(jax.random.key(0), shape)

    def loss(values):
        heads, features = values
        shown = synthesise(references, *skeleton.model(heads).kernels(features))
        error = jnp.mean((shown - frames) ** 2, (1, 2, 3))
        return jnp.mean(jnp.log(error)), -10 * jnp.mean(jnp.log10(error))

    optimiser = optax.partition(
        {
            "heads": optax.adam(optax.cosine_decay_schedule(HEADS_RATE, steps)),
            "features": optax.adam(optax.cosine_decay_schedule(FEATURES_RATE, steps)),
        },
        ("heads", "features"),
    )

    @jax.jit
    def update(values, moments):
        gradients, psnr = jax.grad(loss, has_aux=True)(values)
        changes, moments = optimiser.update(gradients, moments)
        return optax.apply_updates(values, changes), moments, psnr

    values = weights, features
    moments = optimiser.init(values)
    for step in range(steps + 1):
        values, moments, psnr = update(values, moments)
        if step % max(1, steps // 4) == 0:
            yield step, float(psnr)


if __name__ == "__main__":
    sys.exit(exit_status(run, "kernels.py"))
