"""What B-frames would cost if motion were free: what a codec that sends it can gain at most.

    python benchmarks/free_motion.py FOLDER-OF-CLIPS --qualities 20 50

Groups of nine frames, estimated as training does (walk.py, symbols rounded by cost), I-frames and
all: by the predicted codec, and by one whose decoder is given the motion of each cell of 8x8 pixels
to both decoded sides of the B-frame's source, as OpenCV's DIS finds it, to a quarter of a pixel.
Clips larger than --width are made smaller. Bits a pixel, and PSNR over RGB.
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
from kbvc_jax.models.codecs.predicted import PredictedCodec, Predictors
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.models.parameters import split
from kbvc_jax.ops.warp import warp
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.group import code_group, with_observed
from kbvc_jax.training.loss import falling, psnr

FRAMES = 9
FLOW, PLACES = "flow", 4  # parts of a pixel


class Free(Gaussian):
    def coded_bits(self, symbols: Array) -> Array:
        return jnp.zeros_like(symbols)


class FreeMotion(MotionCodec):
    """Its motion is a latent that costs nothing; all else is the motion codec's."""

    priors: ClassVar[Mapping[str, tuple[str, str]]] = PredictedCodec.priors

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return True

    @property
    def latents(self) -> tuple[Latent, ...]:
        height, width = (2 * blocks for blocks in self.size.blocks)
        own = super(MotionCodec, self).latents
        return Latent(FLOW, (2, height, width, 2)), *own

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: Array, context: Context, rate: Rate
    ) -> Values:
        own = PredictedCodec.analyse(self, frame, None, None, rate)
        return {FLOW: PLACES * observed, **own}

    def settle(self, exact: Values, context: Context, rate: Rate) -> Values:
        known = {FLOW: jnp.rint(exact[FLOW])}
        learnt = self.learn(self.latents[0], known, context, rate)
        return PredictedCodec.settle(self, exact, learnt.predictors, rate)

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != FLOW:
            return context
        flows = jnp.moveaxis(known[FLOW] / PLACES, 1, 0)
        pairs = zip(context.sides, flows, strict=True)
        moved = jnp.stack([warp(side, spread(flow)) for side, flow in pairs])
        latents = [self.network.analyse(moved.mean(0), rate)]
        for memory in context.memories:
            assert memory
            latents.append(self.network.scale_latent(memory.latent, rate))
        assert context.memories[0]
        predictors = Predictors(jnp.stack(latents), context.memories[0].z, moved)
        return context._replace(moved=Moved(moved, moved.mean(0)), of_y=predictors)

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Array:
        if latent.name == FLOW:
            return jnp.zeros((len(rate.level), *latent.shape))
        return PredictedCodec.mean(self, latent, known, choose, context.predictors, rate)

    def density(
        self, latent: Latent, known: Values, context: Context, rate: Rate
    ) -> Gaussian | Learned:
        if latent.name == FLOW:
            return Free(jnp.ones((len(rate.level), *latent.shape)))
        return PredictedCodec.density(self, latent, known, context.predictors, rate)


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
                observed=observed if name == "free" else None,
                rounding="rate",
            )
            for name in ("predicted", "free")
        }
        return {
            name: ((one.bits_y + one.bits_z).mean() / clip[0, ..., 0].size, psnr(one.frames, clip))
            for name, one in coded.items()
        }

    for clip in find_clips(EvaluationConfig(data=arguments.folder, frames=FRAMES)):
        source = np.stack([smaller(frame.rgb, arguments.width) for frame in clip.read()])
        _, observed = with_observed(FreeMotion, source[None])
        for quality in arguments.qualities:
            frames = jnp.asarray(source, jnp.float32) / 255
            found = code(parameters, frames, jnp.asarray(observed[0]), jnp.float32(quality))
            row = ", ".join(f"{n} {b:.4f} {p.mean():.2f} dB" for n, (b, p) in found.items())
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
