"""Programs compiled before a frame needs them, side by side: one alone leaves cores idle."""

from collections.abc import Iterable
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, closing_distances
from kbvc_jax.codec.network import Batch, Made, Network
from kbvc_jax.models.codecs.contract import Latent, Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES
from kbvc_jax.rate import Quality
from kbvc_jax.runtime.backend import threads
from kbvc_jax.runtime.compiled import Step
from kbvc_jax.runtime.overlap import Beside


class Kind(NamedTuple):
    """Of frames: all that have these run the same programs."""

    codec: str
    size: Size
    references: int


class Ahead(Network):
    """A network's steps, of which nothing is computed, but all is compiled."""

    def __init__(self, network: Network):
        vars(self).update(vars(network))
        self._threads = Beside(threads())
        self._shapes: dict[tuple, Any] = {}  # by step, and what it is given
        self._compiling: list[Future[Any]] = []

    @classmethod
    def compile(cls, network: Network, kinds: Iterable[Kind], *how: Any) -> None:
        """What frames of these kinds run. On a processor, that is: elsewhere they come in batches
        of many sizes; and not on a device of several, where programs belong to one."""
        new = {(cls, kind, *how): kind for kind in kinds}
        new = {key: kind for key, kind in new.items() if key not in network.compiled}
        if not new or network.placed or jax.default_backend() != "cpu":
            return
        own = cls(network)
        try:
            for kind in new.values():
                jax.eval_shape(lambda kind=kind: own.walk(own.blank(kind), *how))
            for program in own._compiling:
                program.result()
        finally:
            own._end()
        network.compiled.update(new)

    def walk(self, batch: Batch) -> None:
        """As a decoder does."""
        symbols = dict[str, Array]()
        for latent in self.latents(batch.codec, batch.size):
            if not latent.adaptive:
                self.tables(batch, latent, symbols)
            symbols[latent.name] = jnp.zeros((1, *latent.shape), np.int32)
        self.reconstruct(batch, symbols, self.learn(batch, symbols, self.context(batch)))

    def blank(self, kind: Kind) -> Batch:
        """A frame, and references that I-frames could be."""
        codec, size, references = kind
        shapes = {own.name: (1, *own.shape) for own in self.latents(NAMES[IMAGE], size)}
        memory = Memory(jnp.zeros(shapes["y"]), jnp.zeros(shapes["z"], np.int32))
        frame = jnp.zeros((*size, 3), self.sample)
        level = 1 if references > 1 else INTRA
        rates = FrameRates(Quality(0), (level,), closing_distances(1))
        return self.batch(codec, size, rates, [[Picture(frame, memory)]] * references)

    def run(self, step: Step[..., Made], *given: Any) -> Made:
        leaves, form = jax.tree.flatten(jax.tree.map(_shape, given))
        program = step, form, *leaves
        if program not in self._shapes:
            lowered = step.jitted.lower(*form.unflatten(leaves))
            self._compiling.append(self._threads.submit(lowered.compile))
            self._shapes[program] = lowered.out_info
        return jax.tree.map(lambda own: jnp.zeros(own.shape, own.dtype), self._shapes[program])

    def tables(self, batch: Batch, latent: Latent, symbols: Any) -> Any:
        parts = self.program(batch), self.weights, latent, dict(symbols), batch.memories, batch.rate
        return self.run(steps.tables, *parts)

    def _end(self) -> None:
        """A process must not end while it compiles."""
        for program in self._compiling:
            program.cancel()
        wait(self._compiling)
        self._threads.shutdown()


def _shape(given: Any) -> Any:
    """Of an array; all else as it is."""
    if not isinstance(given, Array | np.ndarray):
        return given
    return jax.ShapeDtypeStruct(given.shape, given.dtype)
