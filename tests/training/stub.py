"""A model of eleven numbers in the shape of the real one, clips of noise, and a run of both.

As a script: trains the run in the folder argv[1] for argv[2] steps and prints its weights.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from kbvc_jax.data.config import DataConfig
from kbvc_jax.models.codecs.contract import Decoded, FrameCodec, Latent, Size
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Gaussian
from kbvc_jax.models.interpolator import Interpolation, Interpolator
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.training.config import (
    CheckpointConfig,
    LossConfig,
    OptimiserConfig,
    TrainConfig,
    ValidationConfig,
)

FRAMES, SIZE, BATCH = 5, 16, 8


class StubInterpolator(Interpolator):
    """The mean of both frames, plus a trainable offset."""

    def __init__(self):
        nnx.Module.__init__(self)
        self.offset = nnx.Param(jnp.zeros(3))

    def encode(self, frame):
        return []

    def intermediate(self, previous, following, time=0.5):
        still = jnp.zeros((*previous.shape[:3], 2))
        frame = 0.5 * (previous + following) + self.offset[...]
        return Interpolation(frame, (), (still, still))


class StubNetwork(nnx.Module):
    def __init__(self):
        self.gain = nnx.Param(jnp.full(3, 0.5))
        self.spent = nnx.Param(jnp.array(2.0))


class StubDensity(Gaussian):
    """Noisy where the residual is; its scale is the root of what a symbol costs."""

    certain = False

    def bits(self, residual: Array) -> Array:
        return jnp.abs(self.scale**2 + 0.1 * residual)

    coded_bits = bits


class StubCodec(FrameCodec):
    """Scales the mean of what it sees; every pixel's bits are noisy, but in what it shows."""

    def __init__(self, model: "StubModel", network: StubNetwork, size: Size):
        super().__init__(model, size)
        self.network = network

    @property
    def latents(self):
        return Latent("z", (*self.size, 3)), Latent("y", (*self.size, 3))

    def context(self, references, rate):
        return []

    def tables(self, latent, symbols, memories, rate):
        raise NotImplementedError

    def analyse(self, frame, observed, context, rate):
        self.frame = frame
        return {"z": jnp.zeros_like(frame), "y": jnp.zeros_like(frame)}

    def density(self, latent, known, context, rate):
        share = 0.5**0.5 if latent.name == "z" else 1.0
        return StubDensity(share * self.network.spent[...] * jnp.ones_like(self.frame))

    def synthesise(self, known, context, rate):
        seen = [self.frame, *context]
        return Decoded(self.network.gain[...] * sum(seen) / len(seen), None)


class StubBetween(StubCodec):
    levels = range(1, 3)

    def context(self, references, rate):
        frames = [reference.frame for reference in references]
        return [self.model.interpolator(frames[0], frames[-1])]


class StubModel(Kbvc):
    def __init__(self):
        nnx.Module.__init__(self)
        self.config = ModelConfig()
        self.image, self.frame = StubNetwork(), StubNetwork()
        self.interpolator = StubInterpolator()

    def codec(self, name, size, integers=None):
        if name == "image":
            return StubCodec(self, self.image, size)
        return StubBetween(self, self.frame, size)


class Clips:
    """Batch n depends on n alone; each of `processes` gets its part."""

    def __init__(self, process: int = 0, processes: int = 1, delay: float = 0.0):
        self._share = slice(process * BATCH // processes, (process + 1) * BATCH // processes)
        self._step, self._delay = 0, delay

    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(self._delay)
        rng = np.random.default_rng(self._step)
        self._step += 1
        frames = rng.integers(0, 256, (BATCH, FRAMES, SIZE, SIZE, 3), np.uint8)
        return {"frames": frames[self._share]}

    def get_state(self):
        return {"step": self._step}

    def set_state(self, state):
        self._step = state["step"]


def config(**changes) -> TrainConfig:
    data = DataConfig(frames=FRAMES, crop=(SIZE, SIZE), batch_size=BATCH)
    defaults = {
        "data": data,
        "loss": LossConfig(ramp_steps=4),
        "optimiser": OptimiserConfig(learning_rate=0.01, warmup_steps=2, ema_decay=0.9),
        "validation": ValidationConfig(data=data, clips=BATCH, every=5, qualities=(0.0, 100.0)),
        "checkpoint": CheckpointConfig(every=2),
        "steps": 10,
        "log_every": 5,
    }
    return TrainConfig(**{**defaults, **changes})


def descended(stage, group, steps: int, pace: float) -> float:
    """What a stage's loss falls to, as a part of the first, by steps of this length."""
    loss = jax.jit(
        jax.value_and_grad(
            lambda own: stage.loss(own | stage.frozen, group, jax.random.key(0), 1.0)[0]
        )
    )
    values = stage.trainable
    first, gradient = loss(values)
    last = first
    for _ in range(steps):
        scale = pace / jnp.sqrt(sum(jnp.square(g).sum() for g in gradient.values()))
        values = jax.tree.map(lambda v, g, scale=scale: v - scale * g, values, gradient)
        last, gradient = loss(values)
    return float(last / first)


def weights_line(state) -> str:
    """Every bit of the trained weights and their average."""
    leaves = [state.trainable[k] for k in sorted(state.trainable)]
    leaves += [state.average[k] for k in sorted(state.average)]
    return "weights " + " ".join(np.asarray(leaf).tobytes().hex() for leaf in leaves)


if __name__ == "__main__":
    from kbvc_jax.training.loop import train

    delay = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    final = train(config(steps=int(sys.argv[2])), StubModel(), Clips(delay=delay), sys.argv[1])
    print(weights_line(final))
