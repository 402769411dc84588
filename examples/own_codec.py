"""A codec of one's own: the colour of each block, by the mean of that in both references.

    python examples/own_codec.py

references --- blocks --- mean ---+-----------------------+
                                  |                       |
frame --- blocks of 16x16 -------(-)--- colour (sent) ---(+)--- blocks --- frame

`ToyCodec` fills in the contract (kbvc_jax/models/codecs/contract.py): what is sent of a frame, by
what probabilities, and how the frame follows from it. Training, encoder, container, decoder and
`kbvc inspect` take it from there, without a change to the package. What it lacks is a hyperprior:
its probabilities are the same everywhere. kbvc_jax/models/codecs/kernel.py is one with.
"""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Integer, UInt8

import kbvc_jax
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.codecs import registry
from kbvc_jax.models.codecs.contract import BLOCK, Decoded, FrameCodec, Latent, Symbols, Values
from kbvc_jax.models.codecs.panels import Difference, Image, Panel
from kbvc_jax.models.hyperprior import Gaussian, Rate
from kbvc_jax.ops.densities import scale_table
from kbvc_jax.training.config import LossConfig, OptimiserConfig, TrainConfig
from kbvc_jax.training.stages import build_stage
from kbvc_jax.training.step import fetch, initial_state, replicate, split_batch, train_step
from kbvc_jax.video.format import VideoFormat

TABLE = 36  # of the Gaussian ones that all codecs share: of a scale of 9 steps
ASSETS = Path(kbvc_jax.__file__).with_name("assets")
FRAMES, HEIGHT, WIDTH = 5, 64, 96
QUALITY, STEPS = 50.0, 30


class ToyNetwork(nnx.Module):
    """All that is learnt: how fine the quantiser is, of each channel."""

    def __init__(self, log2_gain: float = 6.0):
        self.log2_gain = nnx.Param(jnp.full(3, log2_gain))


class ToyCodec(FrameCodec):
    @property
    def gain(self) -> Float[Array, "3"]:
        """Steps from black to white."""
        return jnp.exp2(self.model.toy.log2_gain[...])

    @property
    def latents(self) -> tuple[Latent, ...]:
        """What a payload holds of a frame; `error_weight` asks the encoder to round by cost."""
        return (Latent("colour", (*self.size.blocks, 3), error_weight=60.0),)

    def context(self, references: Sequence[Decoded], rate: Rate) -> Float[Array, "b y x 3"]:
        """What both sides know before a symbol is read; a P-frame has one reference."""
        return jnp.stack([self.blocks(reference.frame) for reference in references]).mean(0)

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: None, context: Array, rate: Rate
    ) -> Values:
        """The encoder's part. Whoever walks adds noise, or rounds."""
        return {"colour": self.gain * (self.blocks(frame) - context)}

    def blocks(self, frame: Float[Array, "b h w 3"]) -> Float[Array, "b y x 3"]:
        rows, columns = self.size.blocks
        return frame.reshape(-1, rows, BLOCK, columns, BLOCK, 3).mean((2, 4))

    def density(self, latent: Latent, known: Values, context: Array, rate: Rate) -> Gaussian:
        """What training takes for the probabilities: it needs gradients."""
        return Gaussian(jnp.full((len(rate.level), *latent.shape), scale_table()[TABLE]))

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Any], rate: Rate
    ) -> Integer[Array, "b h w 3"]:
        """And files: integers from integers, the same on every machine."""
        return jnp.full((len(rate.level), *latent.shape), TABLE, jnp.uint8)

    def synthesise(self, known: Values, context: Array, rate: Rate) -> Decoded:
        """The decoder's part; further frames need to know nothing of this one but itself."""
        blocks = context + known["colour"] / self.gain
        return Decoded(blocks.repeat(BLOCK, 1).repeat(BLOCK, 2), None)

    def pictures(self, known: Values, context: Array, rate: Rate) -> Mapping[str, Panel]:
        """For people alone."""
        return {
            "mean of the references": Image(context),
            "correction": Difference(known["colour"] / self.gain),
        }


def train(inference: InferenceModel, clip: UInt8[np.ndarray, "t h w 3"]) -> None:
    """By the step that trains all others; I-frames, the model's own, stand still."""
    config = TrainConfig(
        model=inference.model.config,
        b_frames="toy",
        loss=LossConfig(quality=(QUALITY, QUALITY), ramp_start=1.0),
        optimiser=OptimiserConfig(learning_rate=0.2, warmup_steps=0),
        steps=STEPS,
    )
    stage = build_stage(config, inference.model)
    everything = stage.trainable | stage.frozen
    own = {name: array for name, array in everything.items() if name.startswith("toy.")}
    others = {name: array for name, array in everything.items() if name not in own}
    state = replicate(initial_state(own, others, config.optimiser))
    step = train_step(config, stage.loss)
    batch = split_batch(np.stack([clip] * jax.local_device_count()))
    for number in range(1, STEPS + 1):
        state, metrics = step(state, batch)
        if number in (1, STEPS):
            found = fetch(metrics)
            print(f"step {number:2}: loss {found['loss']:.3f}, {found['bpp']:.3f} bits a pixel")
    learnt = fetch(state.trainable)["toy.log2_gain"]
    print("steps from black to white:", np.exp2(learnt).round(1))
    inference.model.toy.log2_gain[...] = learnt


def code(inference: InferenceModel, clip: UInt8[np.ndarray, "t h w 3"]) -> None:
    """To a stream and back, and what that took, frame by frame."""
    codec, stream = kbvc_jax.Codec(inference), io.BytesIO()
    format = VideoFormat(WIDTH, HEIGHT, Fraction(24), "709", True, 8, "444")
    options = {"gop": FRAMES - 1, "keyint": FRAMES - 1, "b_frames": "toy"}
    summary = codec.encode_stream(clip, format, stream, QUALITY, **options)
    decoded = codec.decode(stream.getvalue())
    for row in sorted(summary.statistics, key=lambda row: row.index):
        bits, decibels = sum(row.bits.values()), psnr(clip[row.index], decoded[row.index], 255)
        print(f"  frame {row.index} {row.kind} {row.codec:5} {bits:7,.0f} bits {decibels:6.2f} dB")


def main() -> None:
    registry.add("toy", ToyCodec)
    inference = kbvc_jax.load().inference  # of the weights that ship, for I-frames
    inference.model.toy = ToyNetwork(log2_gain=2.0)  # much too coarse
    with kbvc_jax.open_video(ASSETS / "bunny.mp4", frames=FRAMES) as reader:
        clip = np.stack([frame[32 : 32 + HEIGHT, 96 : 96 + WIDTH] for frame in reader])
    print("untrained")
    code(inference, clip)
    train(inference, clip)
    print("trained")
    code(inference, clip)


if __name__ == "__main__":
    main()
