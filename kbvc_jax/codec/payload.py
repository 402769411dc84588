"""One payload: the symbols of a group of pictures, and the pictures that they decode to.

It holds the frame that closes the group, then the B-frames depth by depth; of each depth which z
are kept, if its latents are predicted, then all other z, then the modes of prediction, then all y,
so that the decoder always has what it needs to choose the next tables.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Integer

from kbvc_jax.codec.batch import FrameRates, Predictors, Prior, Size, Symbols
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.pictures import (
    INTRA,
    Picture,
    batches,
    frame_rates,
    pictures,
    predictors_around,
    predictors_of,
    references,
    z_before,
)
from kbvc_jax.codec.prediction import CAPS, KEPT_COUNTS, MODE_COUNTS
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.coding.modes import Counts, Modes, decode_modes, encode_modes
from kbvc_jax.coding.tables import Tables
from kbvc_jax.runtime.errors import InputError

Integers = Integer[np.ndarray, "..."]
# Symbols z and modes, if any, to the tables of y.
TablesOfY = Callable[[Integers, Modes | None], Integers]


@runtime_checkable
class Coder(Protocol):
    """Writes the symbols that it is given, or reads as many in their place; returns them."""

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers: ...

    def modes(self, modes: Modes, first: Counts) -> Modes: ...


class Writer:
    def __init__(self):
        self.encoder = SymbolEncoder()

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers:
        self.encoder.encode(symbols.ravel(), indexes.ravel(), tables)
        return symbols

    def modes(self, modes: Modes, first: Counts) -> Modes:
        encode_modes(self.encoder, modes, first)
        return modes


class Reader:
    def __init__(self, payload: bytes):
        self._decoder = SymbolDecoder(payload)

    def symbols(self, symbols: Integers, indexes: Integers, tables: Tables) -> Integers:
        return self._decoder.decode(indexes.ravel(), tables).reshape(symbols.shape)

    def modes(self, modes: Modes, first: Counts) -> Modes:
        return decode_modes(self._decoder, modes.shape, first)


class HostSymbols(NamedTuple):
    z: Integers
    y: Integers
    modes: Integers | None = None
    kept: Bool[np.ndarray, "b zh zw"] | None = None


def code_depth(
    coder: Coder,
    network: Network,
    rates: FrameRates,
    size: Size,
    symbols: HostSymbols,
    tables_of_y: TablesOfY,
) -> tuple[Integers, Modes | None, Integers]:
    """The order of a depth's symbols, for writing and reading alike. `symbols` are those to write;
    or the z that may be kept, and room for all others. Returns z, modes and y."""
    z_indexes, z_tables = network.z_indexes(rates, size), network.entropy(rates.kind).z_tables
    z, modes, sent = np.array(symbols.z), None, np.ones(z_indexes.shape[:3], bool)
    if symbols.kept is not None:
        sent = coder.modes(np.asarray(symbols.kept, np.int64), KEPT_COUNTS) == 0
    z[sent] = coder.symbols(z[sent], z_indexes[sent], z_tables)
    if symbols.modes is not None:
        modes = coder.modes(np.asarray(symbols.modes, np.int64), MODE_COUNTS)
    y = np.asarray(symbols.y)
    return z, modes, coder.symbols(y, tables_of_y(z, modes), network.inference.y_tables)


class Coded(NamedTuple):
    """The frames of a depth, as they are coded."""

    rates: FrameRates
    size: Size
    symbols: Symbols


def write_payload(network: Network, depths: Iterable[Coded]) -> bytes:
    writer = Writer()
    for rates, size, symbols in depths:
        z, y, indexes, modes, kept = jax.device_get(symbols)
        known = HostSymbols(z, y, modes, kept)
        code_depth(writer, network, rates, size, known, lambda z, modes, found=indexes: found)
    return writer.encoder.finish()


class Part(NamedTuple):
    """A batch of a depth; without predictors its B-frames are coded by kernels."""

    b_frames: Sequence[BFrame]  # none: the closing frame
    rates: FrameRates
    predictors: Predictors | None


class GopReader:
    """Decodes one payload in the order in which it was written."""

    def __init__(self, network: Network, record: GopRecord, size: Size):
        self._network, self._record, self._size = network, record, size
        self._reader = Reader(record.payload)

    def closing(self, opening: Picture | None) -> Picture:
        """The frame that closes the group; `opening` predicts it if the record says so."""
        rates, predictors = frame_rates(self._record.quality, (), 0, (INTRA,)), None
        if self._record.predicted[0]:
            assert opening is not None  # the record before this one has been read
            predictors = predictors_of(opening)
        before = predictors and predictors.z
        (picture,) = self._depth(rates, before, [Part((), rates, predictors)], {})
        return picture

    def b_frames(self, opening: Picture, closing: Picture) -> dict[int, Picture]:
        """The frames between, by time."""
        record, decoded = self._record, {0: opening, self._record.frames: closing}
        for depth, b_frames in enumerate(hierarchy(record.frames), start=1):
            predicted = record.predicted[depth]
            levels = [INTRA if predicted else f.level for f in b_frames]
            rates = frame_rates(record.quality, record.level_offsets, depth, levels)
            before = z_before(decoded, b_frames) if predicted else None
            parts, first = [], 0
            for batch in batches(b_frames, self._size):
                own, predictors = rates.rows(slice(first, first := first + len(batch))), None
                if predicted:
                    seen = references(self._network, decoded, batch)
                    predictors = predictors_around(self._network, decoded, batch, seen, own)
                parts.append(Part(batch, own, predictors))
            made = self._depth(rates, before, parts, decoded)
            decoded |= dict(zip((f.time for f in b_frames), made, strict=True))
        return {time: decoded[time] for time in range(1, record.frames)}

    def _depth(
        self,
        rates: FrameRates,
        before: Array | None,
        parts: Sequence[Part],
        decoded: Mapping[int, Picture],
    ) -> list[Picture]:
        """The pictures of a depth; `before` are the z of which some may be kept."""
        network, size, priors = self._network, self._size, list[Prior]()
        ends = np.cumsum([len(part.rates.level) for part in parts])[:-1]

        def tables_of_y(z: Integers, modes: Modes | None) -> Integers:
            of_modes = [None] * len(parts) if modes is None else np.split(modes, ends)
            for own, chosen, part in zip(np.split(z, ends), of_modes, parts, strict=True):
                prior = network.prior(jnp.asarray(own), part.rates, size)
                if part.predictors is not None:
                    prior = self._predict(prior, part.predictors, chosen, part.rates)
                priors.append(prior)
            return np.concatenate([np.asarray(prior.indexes) for prior in priors])

        blank = self._blank(rates, before)
        z, _, y = code_depth(self._reader, network, rates, size, blank, tables_of_y)
        y = y.astype(np.int16)  # as the encoder has them: one program for both
        found = list[Picture]()
        rows = zip(np.split(z, ends), np.split(y, ends), priors, parts, strict=True)
        for own_z, own_y, prior, part in rows:
            symbols, by_kernels = jnp.asarray(own_y), part.b_frames and part.predictors is None
            seen = references(network, decoded, part.b_frames) if by_kernels else None
            frames = network.synthesise(symbols, prior, seen, part.rates, size, part.predictors)
            found += pictures(network, frames, jnp.asarray(own_z), symbols, prior, part.rates)
        return found

    def _predict(
        self, prior: Prior, predictors: Predictors, modes: Modes | None, rates: FrameRates
    ) -> Prior:
        assert modes is not None
        if modes.max() > len(predictors.latents) * len(CAPS):
            raise InputError("damaged payload: a P-frame in a mode of B-frames")
        return self._network.predict(prior, predictors, jnp.asarray(modes), rates)

    def _blank(self, rates: FrameRates, before: Array | None) -> HostSymbols:
        """Room for what is read."""
        entropy, frames = self._network.entropy(rates.kind), len(rates.level)
        z_shape = frames, *self._size.hyper_latent(entropy.z_stride), entropy.z_channels
        y = np.zeros((frames, *self._size.latent, entropy.channels), np.int32)
        if before is None:
            return HostSymbols(np.zeros(z_shape, np.int32), y)
        kept, modes = np.zeros(z_shape[:3], bool), np.zeros(y.shape[:3], np.int64)
        return HostSymbols(np.asarray(before), y, modes, kept)
