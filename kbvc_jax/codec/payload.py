"""One payload: the symbols of a group of pictures, and the pictures that they decode to.

It holds the frame that closes the group, then the B-frames depth by depth; of each depth one latent
after another, so that the decoder always has what it needs to choose the next tables.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float, Integer

from kbvc_jax.codec.batch import INTRA, FrameRates, Picture, batches, closing_distances, quality_at
from kbvc_jax.codec.network import Batch, Network
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.coding.modes import bits_of_each_mode, decode_modes, encode_modes
from kbvc_jax.coding.tables import Tables, bits_of_each
from kbvc_jax.coding.vectors import bits_of_each_vector, decode_vectors, encode_vectors
from kbvc_jax.models.codecs.contract import Latent, Size
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES
from kbvc_jax.runtime.errors import InputError

Integers = Integer[np.ndarray, "b ..."]


@runtime_checkable
class Coder(Protocol):
    """Writes the symbols that it is given, or reads as many in their place; returns them."""

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers: ...

    def adaptive(self, symbols: Integers, latent: Latent) -> Integers: ...


class Writer:
    def __init__(self):
        self._encoder = SymbolEncoder()

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers:
        self._encoder.encode(symbols.ravel(), indexes.ravel(), tables)
        return symbols

    def adaptive(self, symbols: Integers, latent: Latent) -> Integers:
        own = symbols.astype(np.int64)
        if latent.counts:
            encode_modes(self._encoder, own, latent.counts)
        else:
            encode_vectors(self._encoder, own)
        return symbols

    def finish(self) -> bytes:
        return self._encoder.finish()


class Reader:
    def __init__(self, payload: bytes):
        self._decoder = SymbolDecoder(payload)

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers:
        return self._decoder.decode(indexes.ravel(), tables).reshape(symbols.shape)

    def adaptive(self, symbols: Integers, latent: Latent) -> Integers:
        if latent.counts:
            own = decode_modes(self._decoder, symbols.shape, latent.counts)
        else:
            own = decode_vectors(self._decoder, symbols.shape)
        return own.astype(np.int32)


def bits_of_each_position(
    latent: Latent, symbols: Integers, indexes: Integers | None, tables: Tables
) -> Float[np.ndarray, "b h w"]:
    """What a payload holds of each; adaptive probabilities go on from one frame to the next."""
    if latent.counts:
        return bits_of_each_mode(symbols.astype(np.int64), latent.counts)
    if latent.vectors:
        return bits_of_each_vector(symbols.astype(np.int64))
    assert indexes is not None
    bits = bits_of_each(symbols.ravel(), indexes.ravel(), tables)
    return bits.reshape(*symbols.shape[:3], -1).sum(-1)


class Coded(NamedTuple):
    """A batch with all its symbols, and their tables."""

    batch: Batch
    symbols: Mapping[str, Integer[Array | np.ndarray, "b ..."]]
    tables: Mapping[str, Integer[Array | np.ndarray, "b ..."]]


def code_depth(
    coder: Coder,
    network: Network,
    batches: Sequence[Batch],
    symbols_of: Callable[[int, Latent], Integers],
    tables_of: Callable[[int, Latent, Mapping[str, Integers]], Integers],
) -> list[dict[str, Integers]]:
    """THE order of a depth's symbols, for writing and reading alike. Both callables are asked for
    those of a batch, by its number; symbols to read are room for them."""
    numbers, first = range(len(batches)), batches[0]
    ends = np.cumsum([len(batch.rates.levels) for batch in batches])[:-1]
    found: list[dict[str, Integers]] = [{} for _ in batches]
    for latent in network.latents(first.codec, first.size):
        symbols = np.concatenate([symbols_of(number, latent) for number in numbers])
        if latent.adaptive:
            symbols = coder.adaptive(symbols, latent)
        else:
            tables = [tables_of(number, latent, found[number]) for number in numbers]
            symbols = coder.symbols(
                symbols, np.concatenate(tables), network.tables_of[latent.tables]
            )
        for number, own in enumerate(np.split(symbols, ends)):
            found[number][latent.name] = own
    return found


def write_payload(network: Network, depths: Iterable[Sequence[Coded]]) -> bytes:
    writer = Writer()
    for depth in depths:
        known = jax.device_get([(coded.symbols, coded.tables) for coded in depth])
        code_depth(
            writer,
            network,
            [coded.batch for coded in depth],
            lambda number, latent, known=known: known[number][0][latent.name],
            lambda number, latent, found, known=known: known[number][1][latent.name],
        )
    return writer.finish()


# Sees each depth of a record as it has been read; its number is 0 for the frame that closes.
Watch = Callable[[GopRecord, int, Sequence[Coded]], None]


class GopReader:
    """Decodes one payload in the order in which it was written."""

    def __init__(
        self,
        network: Network,
        record: GopRecord,
        size: Size,
        watch: Watch | None = None,
    ):
        self._network, self._record, self._size, self._watch = network, record, size, watch
        self._reader = Reader(record.payload)
        known = len(NAMES)
        if any(number >= known for number in record.codecs):
            names = ", ".join(f"{number} {name}" for number, name in enumerate(NAMES))
            raise InputError(f"codec number {max(record.codecs)}; this version has {names}")

    def closing(self, opening: Picture | None) -> Picture:
        """The frame that closes the group, after the one that `opening` is."""
        references = [[opening]] if opening is not None and self._record.codecs[0] != IMAGE else []
        distances = closing_distances(self._record.frames if references else 0)
        (picture,) = self._depth(0, [self._batch(0, (INTRA,), distances, references)])
        return picture

    def b_frames(self, opening: Picture, closing: Picture) -> dict[int, Picture]:
        """The frames between, by time."""
        decoded = {0: opening, self._record.frames: closing}
        for depth, b_frames in enumerate(hierarchy(self._record.frames), start=1):
            made = self._depth(
                depth,
                [
                    self._batch(
                        depth,
                        [f.level for f in batch],
                        [f.distances for f in batch],
                        references_of(batch, decoded),
                    )
                    for batch in batches(b_frames, self._size)
                ],
            )
            decoded |= dict(zip((f.time for f in b_frames), made, strict=True))
        return {time: decoded[time] for time in range(1, self._record.frames)}

    def _batch(
        self,
        depth: int,
        levels: Sequence[int],
        distances: Sequence[tuple[int, int]],
        references: Sequence[Sequence[Picture]],
    ) -> Batch:
        record = self._record
        quality = quality_at(depth, record.quality, record.level_offsets)
        rates = FrameRates(quality, tuple(levels), tuple(distances))
        return self._network.batch(NAMES[record.codecs[depth]], self._size, rates, references)

    def _depth(self, depth: int, batches: Sequence[Batch]) -> list[Picture]:
        network = self._network
        asked: list[dict[str, Integers]] = [{} for _ in batches]

        def room(number: int, latent: Latent) -> Integers:
            return np.zeros((len(batches[number].rates.levels), *latent.shape), np.int32)

        def tables(number: int, latent: Latent, found: Mapping[str, Integers]) -> Integers:
            asked[number][latent.name] = network.tables(batches[number], latent, found)
            return asked[number][latent.name]

        read = code_depth(self._reader, network, batches, room, tables)
        if self._watch:
            coded = [Coded(*parts) for parts in zip(batches, read, asked, strict=True)]
            self._watch(self._record, depth, coded)
        return [
            picture
            for batch, symbols in zip(batches, read, strict=True)
            for picture in network.reconstruct(
                batch, symbols, network.learn(batch, symbols, network.context(batch))
            )
        ]


def references_of(
    batch: Sequence[BFrame], decoded: Mapping[int, Picture]
) -> tuple[list[Picture], list[Picture]]:
    return [decoded[f.previous] for f in batch], [decoded[f.following] for f in batch]
