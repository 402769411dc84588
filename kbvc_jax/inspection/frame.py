"""A frame of a stream: what its symbols cost, by position, and what its codec has to show."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt

from kbvc_jax.codec.decoder import decode_gops
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.payload import Coded, bits_of_each_position
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.codec.steps import Program, Weights
from kbvc_jax.coding.container import GopRecord, StreamReader
from kbvc_jax.models.codecs.contract import Latent, Symbols
from kbvc_jax.models.codecs.panels import Panel
from kbvc_jax.models.codecs.walk import Read, walk
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.rate import number_of
from kbvc_jax.runtime.errors import InputError


class CodedFrame(NamedTuple):
    number: int
    codec: str
    depth: int  # in the hierarchy; 0 closes a group
    level: int  # of its rate
    references: tuple[int, ...]  # by number
    quality: float
    frame: UInt[np.ndarray, "h w 3"]
    bits: Mapping[str, Float[np.ndarray, "_ _"]]  # by position, of each latent in coding order

    @property
    def total(self) -> dict[str, float]:
        return {name: float(own.sum()) for name, own in self.bits.items()}

    @property
    def bytes(self) -> float:
        """A payload holds all frames of a group, so that one's are no whole number."""
        return sum(self.total.values()) / 8


class Inspected(NamedTuple):
    coded: CodedFrame
    panels: Mapping[str, Panel]  # of this frame alone: without the axis of a batch


def inspect_frame(network: Network, stream: StreamReader, number: int) -> Inspected:
    """Decodes what the frame needs. The file must be one that can be seeked."""
    count = sum(entry.frames for entry in stream.index)
    if not 0 <= number < count:
        raise InputError(f"no frame {number}: the stream has 0 to {count - 1}")
    seen: list[tuple[GopRecord, int, Sequence[Coded]]] = []

    def watch(record: GopRecord, depth: int, coded: Sequence[Coded]) -> None:
        if number in numbers_of(record, depth):
            seen.append((record, depth, coded))

    (frame,) = decode_gops(network, stream, number, 1, watch=watch)
    ((record, depth, coded),) = seen
    place = numbers_of(record, depth).index(number)
    own, row = [(one, row) for one in coded for row in range(len(one.batch.rates.levels))][place]
    batch = own.batch
    sent = {n: bits[place] for n, bits in bits_by_position(network, coded).items()}
    found = CodedFrame(
        number,
        batch.codec,
        depth,
        batch.rates.levels[row],
        _references(record, depth, place)[: len(batch.references)],
        number_of(batch.rates.quality),
        frame,
        sent,
    )
    panels = _pictures(
        network.program(batch), network.weights, own.symbols, network.context(batch), batch.rate
    )
    return Inspected(found, jax.tree.map(lambda part: np.asarray(part[row]), panels))


def numbers_of(record: GopRecord, depth: int) -> list[int]:
    """The frames of a depth, in coding order; the group opens with the one before its first."""
    if depth == 0:
        return [record.first_frame - 1 + record.frames]
    return [record.first_frame - 1 + frame.time for frame in hierarchy(record.frames)[depth - 1]]


def _references(record: GopRecord, depth: int, place: int) -> tuple[int, ...]:
    closing = BFrame(record.frames, 0, 0)
    frame = hierarchy(record.frames)[depth - 1][place] if depth else closing
    return record.first_frame - 1 + frame.previous, record.first_frame - 1 + frame.following


def bits_by_position(
    network: Network, depth: Sequence[Coded]
) -> dict[str, Float[np.ndarray, "b h w"]]:
    """Of all frames of a depth, since adaptive probabilities go on from one to the next."""
    batch = depth[0].batch

    def priced(latent: Latent) -> Float[np.ndarray, "b h w"]:
        symbols = np.concatenate([np.asarray(own.symbols[latent.name]) for own in depth])
        own = [np.asarray(part.tables[latent.name]) for part in depth if not latent.adaptive]
        indexes = np.concatenate(own) if own else None
        return bits_of_each_position(latent, symbols, indexes, network.tables_of[latent.tables])

    return {latent.name: priced(latent) for latent in network.latents(batch.codec, batch.size)}


@partial(jax.jit, static_argnums=0)
def _pictures(
    program: Program, weights: Weights, symbols: Symbols, context: Any, rate: Rate
) -> OrderedDict[str, Panel]:
    """JAX would sort the keys of a plain dict."""
    codec = program.of(weights)
    return OrderedDict(codec.pictures(*walk(codec, Read(symbols), context, rate), rate))
