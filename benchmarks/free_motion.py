"""What sent motion gains, and what it would gain if it were free.

    python benchmarks/free_motion.py FOLDER-OF-CLIPS --checkpoint FOLDER --qualities 20 50

Groups of nine frames, estimated as training does (walk.py, symbols rounded by cost), I-frames and
all: by the predicted codec, by the motion codec, and by that one if its decoder is given the motion
of each cell of 8x8 pixels to both decoded sides, as OpenCV's DIS finds it between source frames, to
a quarter of a pixel. Clips larger than --width are made smaller. Bits a pixel, in brackets those of
B-frames and what of it is told before y, and PSNR over RGB.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image

import kbvc_jax
from kbvc_jax.encoder.gop_choice import FALL
from kbvc_jax.evaluation.clips import find_clips
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.models.codecs import registry
from kbvc_jax.models.codecs.contract import Choose, Latent, Values
from kbvc_jax.models.codecs.motion.codec import Context, MotionCodec
from kbvc_jax.models.codecs.motion.estimation import CELL
from kbvc_jax.models.codecs.motion.network import Moved, spread
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.models.parameters import split
from kbvc_jax.ops.warp import warp
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.group import code_group, depths_of, with_observed
from kbvc_jax.training.loss import falling, psnr

FRAMES = 9
FLOW, PLACES = "flow", 4  # parts of a pixel


class Free(Gaussian):
    def coded_bits(self, symbols: Array) -> Array:
        return jnp.zeros_like(symbols)


class FreeMotion(MotionCodec):
    """Its motion is a latent that costs nothing; both moved references count alike."""

    first: ClassVar[int] = 1
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {"residual": ("z", "y")}

    @property
    def latents(self) -> tuple[Latent, ...]:
        height, width = (2 * blocks for blocks in self.size.blocks)
        return Latent(FLOW, (2, height, width, 2)), *super().latents[2:]

    def analyse_first(
        self, frame: Float[Array, "b h w 3"], observed: Array, context: Context, rate: Rate
    ) -> Values:
        return {FLOW: PLACES * observed}

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != FLOW:
            return context
        flows = jnp.stack([spread(flow) for flow in jnp.unstack(known[FLOW] / PLACES, axis=1)])
        pairs = zip(context.sides, flows, strict=True)
        sides = jnp.stack([warp(side, flow) for side, flow in pairs])
        share = jnp.full((*sides.shape[1:4], 1), 0.5)
        return context._replace(moved=Moved(sides, sides.mean(0), flows, share))

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Array:
        if latent.name == FLOW:
            return jnp.zeros((len(rate.level), *latent.shape))
        return super().mean(latent, known, choose, context, rate)

    def density(
        self, latent: Latent, known: Values, context: Context, rate: Rate
    ) -> Gaussian | Learned:
        if latent.name == FLOW:
            return Free(jnp.ones((len(rate.level), *latent.shape)))
        return super().density(latent, known, context, rate)


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--qualities", type=float, nargs="+", default=[20, 50])
    parser.add_argument("--width", type=int, default=416)
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()
    registry.add("free", FreeMotion)
    model = kbvc_jax.load(arguments.checkpoint).inference.model
    skeleton, parameters = split(model)

    @jax.jit
    def code(parameters, clip, observed, quality):
        coded = {
            name: code_group(
                skeleton.model(parameters),
                clip,
                falling(quality, FALL / 2, FRAMES),
                b_frames=name,
                observed=None if name == "predicted" else observed,
                rounding="rate",
            )
            for name in ("predicted", "motion", "free")
        }
        pixels = clip[0, ..., 0].size
        return {
            name: (
                (one.bits_y + one.bits_z).mean() / pixels,
                (one.bits_y + one.bits_z)[1:-1].mean() / pixels,
                one.bits_z[1:-1].mean() / pixels,
                psnr(one.frames, clip).mean(),
            )
            for name, one in coded.items()
        }

    for clip in find_clips(EvaluationConfig(data=arguments.folder, frames=FRAMES)):
        source = np.stack([smaller(frame.rgb, arguments.width) for frame in clip.read()])
        _, observed = with_observed(depths_of(len(source), "free"), source[None])
        for quality in arguments.qualities:
            frames = jnp.asarray(source, jnp.float32) / 255
            found = code(parameters, frames, jnp.asarray(observed[0]), jnp.float32(quality))
            row = ", ".join(
                f"{name} {bpp:.4f} ({between:.4f}, {told:.4f}) {quality_of:.2f} dB"
                for name, (bpp, between, told, quality_of) in found.items()
            )
            print(f"{clip.name:16} q {quality:g}: {row}", flush=True)
    return 0


def smaller(frame: np.ndarray, width: int) -> np.ndarray:
    """To that width if it is larger, sides to whole blocks."""
    height = frame.shape[0] * width // frame.shape[1]
    if frame.shape[1] > width:
        frame = np.asarray(Image.fromarray(frame).resize((width, height)))
    rows, columns = (size // (2 * CELL) * 2 * CELL for size in frame.shape[:2])
    return frame[:rows, :columns]


if __name__ == "__main__":
    sys.exit(exit_status(run, "free_motion.py"))
