"""What a decoder does with one model, batch by batch (steps.py has it compiled)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jaxtyping import Array, Integer, UInt

from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import FrameRates, Picture, References
from kbvc_jax.codec.steps import Program, Weights
from kbvc_jax.coding.tables import Tables
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.codecs.contract import GAUSSIAN, Latent, Size, Symbols
from kbvc_jax.models.codecs.numbers import ONE_SIDED, TWO_SIDED
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.codecs.walk import Walked
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.parameters import split
from kbvc_jax.runtime.compiled import Step
from kbvc_jax.runtime.errors import InputError

Made = TypeVar("Made")
Integers = Integer[Array | np.ndarray, "b ..."]


class Batch(NamedTuple):
    """Frames of a depth that share a pass: their codec, rates and references, in display order."""

    codec: str
    size: Size
    rates: FrameRates
    references: tuple[References, ...]

    @property
    def memories(self) -> tuple[Any, ...]:
        return tuple(reference.memory for reference in self.references)

    @property
    def rate(self) -> Rate:
        return self.rates.on_device(CODECS[self.codec].levels)


class Network:
    """Batched steps of one model; frames are unsigned integers up to `peak`."""

    def __init__(self, inference: InferenceModel, bit_depth: int, place: Sharding | None = None):
        """`place`: where its weights are; who calls it has that device for a default."""
        self.inference = inference
        self.peak = 2**bit_depth - 1
        self.skeleton, arrays = split(inference.model)
        weights = Weights(arrays, {n: own.prior for n, own in inference.entropy.items()})
        self.weights = weights if place is None else jax.device_put(weights, place)
        self.tables_of: dict[str, Tables] = {GAUSSIAN: inference.y_tables} | {
            name: own.z_tables.with_certain() for name, own in inference.entropy.items()
        }
        self.placed = place is not None
        self.compiled = set[tuple]()  # what ahead.py need not compile again

    def batch(
        self, codec: str, size: Size, rates: FrameRates, references: Sequence[Sequence[Picture]]
    ) -> Batch:
        """`references`: those of all frames on one side, then on the other."""
        self.check(codec)
        alone = len(references) == 1 and codec in TWO_SIDED
        if alone or min(rates.levels) < CODECS[codec].levels.start:
            raise InputError(f"damaged stream: codec {codec} is for B-frames alone")
        if len(references) > 1 and codec in ONE_SIDED:
            raise InputError(f"damaged stream: codec {codec} is for P-frames alone")
        needed, config = CODECS[codec].needs_memory, self.inference.model.config
        if needed and not references:
            raise InputError(f"damaged stream: a {codec} frame without one before it")
        sides = tuple(References.of(side, CODECS[codec], config) for side in references)
        return Batch(codec, size, rates, sides)

    @property
    def sample(self) -> type[np.unsignedinteger]:
        """The type of a frame's samples."""
        return np.uint8 if self.peak < 256 else np.uint16

    def check(self, codec: str) -> None:
        """Whether the model has it."""
        config = self.inference.model.config
        if not CODECS[codec].is_in(config):
            known = ", ".join(name for name, kind in CODECS.items() if kind.is_in(config))
            raise InputError(f"codec {codec}: this model has {known}")

    def latents(self, codec: str, size: Size) -> tuple[Latent, ...]:
        return self.inference.model.codec(codec, size).latents

    def program(self, batch: Batch, codec: str | None = None) -> Program:
        """Of the batch's codec, or of another one's for the same frames."""
        codec = codec or batch.codec
        fuses = CODECS[codec].fuses(self.inference.model.config)
        return Program(self.skeleton, codec, batch.size, self.peak, fuses)

    def run(self, step: Step[..., Made], *given: Any) -> Made:
        """All steps are run here: ahead.py compiles instead."""
        return step(*given)

    def context(self, batch: Batch) -> Any:
        parts = self.program(batch), self.weights, batch.references, batch.rate
        return self.run(steps.context, *parts)

    def tables(
        self, batch: Batch, latent: Latent, symbols: Mapping[str, Integers]
    ) -> Integer[np.ndarray, "b ..."]:
        known = _on_device(symbols, symbols)
        parts = self.program(batch), self.weights, latent, known, batch.memories, batch.rate
        return np.asarray(self.run(steps.tables, *parts))

    def names(self, batch: Batch) -> tuple[list[str], list[str]]:
        """Of the latents that come first, and of the others."""
        names = [latent.name for latent in self.latents(batch.codec, batch.size)]
        first = CODECS[batch.codec].first
        return names[:first], names[first:]

    def learn(self, batch: Batch, symbols: Mapping[str, Integers], context: Any) -> Walked:
        """Once those that come first are known, if any."""
        first, _ = self.names(batch)
        if not first:
            return Walked({}, context)
        known = _on_device(symbols, first)
        return self.run(steps.learn, self.program(batch), self.weights, known, context, batch.rate)

    def reconstruct(
        self, batch: Batch, symbols: Mapping[str, Integers], begun: Walked
    ) -> list[Picture]:
        known = _on_device(symbols, self.names(batch)[1])
        frames, memory = self._decoded(self.program(batch), known, begun, batch.rate)

        def own(row: int) -> Any:
            return jax.tree.map(lambda part: part[row : row + 1], memory)

        return [Picture(frame, own(row)) for row, frame in enumerate(frames)]

    def _decoded(
        self, program: Program, symbols: Symbols, begun: Walked, rate: Rate
    ) -> tuple[UInt[Array, "b h w 3"], Any]:
        """Frames, and what is known of them. The parts of fusion are compiled once for all frames,
        whether of one reference or two."""
        parts = program, self.weights, symbols, begun, rate
        if not program.fuses:
            return self.run(steps.synthesise, *parts)
        decoded, memory = self.run(steps.before_fusion, *parts)
        sides = [self.run(steps.moved_to, decoded, frame) for frame in begun.context.frames]
        both = sides[0], sides[-1]
        return self.run(steps.fuse, program, self.weights, decoded, both, rate.quality), memory


def _on_device(symbols: Mapping[str, Integers], names: Iterable[str]) -> Symbols:
    return {name: jnp.asarray(symbols[name]) for name in names}
