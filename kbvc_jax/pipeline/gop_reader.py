"""One payload to pictures, in the order in which it was written."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from kbvc_jax.coding.coder import SymbolDecoder
from kbvc_jax.coding.container import GopRecord
from kbvc_jax.coding.modes import decode_modes
from kbvc_jax.errors import InputError
from kbvc_jax.pipeline.batch import FrameRates, Predictors, Prior, Size
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.pictures import (
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
from kbvc_jax.pipeline.prediction import CAPS, KEPT_COUNTS, MODE_COUNTS, PREDICTORS
from kbvc_jax.pipeline.schedule import hierarchy


class GopReader:
    """Decodes one payload in the order in which it was written."""

    def __init__(self, network: Network, record: GopRecord, size: Size):
        self._network, self._record, self._size = network, record, size
        self._decoder = SymbolDecoder(record.payload)

    def closing(self, opening: Picture | None) -> Picture:
        """The frame that closes the group; `opening` predicts it if the record says so."""
        rates, predictors = frame_rates(self._record.quality, (), 0, (INTRA,)), None
        if self._record.predicted[0]:
            assert opening is not None  # the record before this one has been read
            predictors = predictors_of(opening)
        z = self._z(rates, predictors and predictors.z)
        prior = self._network.prior(z, rates, self._size)
        if predictors is not None:
            modes = self._modes(rates, len(predictors.latents))
            prior = self._network.predict(prior, predictors, modes, rates)
        (y,) = self._y([prior])
        return self._pictures(z, y, prior, None, predictors, rates)[0]

    def b_frames(self, opening: Picture, closing: Picture) -> dict[int, Picture]:
        """The frames between, by time."""
        record, decoded = self._record, {0: opening, self._record.frames: closing}
        for depth, b_frames in enumerate(hierarchy(record.frames), start=1):
            predicted = record.predicted[depth]
            levels = [INTRA if predicted else f.level for f in b_frames]
            rates = frame_rates(record.quality, record.level_offsets, depth, levels)
            z = self._z(rates, z_before(decoded, b_frames) if predicted else None)
            modes = self._modes(rates, PREDICTORS) if predicted else None
            parts, first = [], 0
            for batch in batches(b_frames, self._size):
                rows = slice(first, first := first + len(batch))
                own = rates.rows(rows)
                prior, predictors = self._network.prior(z[rows], own, self._size), None
                if modes is not None:
                    seen = references(self._network, decoded, batch)
                    predictors = predictors_around(self._network, decoded, batch, seen, own)
                    prior = self._network.predict(prior, predictors, modes[rows], own)
                parts.append((batch, own, z[rows], prior, predictors))
            found = dict[int, Picture]()
            ys = self._y([prior for *_, prior, _ in parts])
            for (batch, own, part, prior, predictors), y in zip(parts, ys, strict=True):
                seen = None if predicted else references(self._network, decoded, batch)
                made = self._pictures(part, y, prior, seen, predictors, own)
                found |= dict(zip((f.time for f in batch), made, strict=True))
            decoded |= found
        return {time: decoded[time] for time in range(1, record.frames)}

    def _pictures(
        self,
        z: Array,
        y: Array,
        prior: Prior,
        seen: Array | None,
        predictors: Predictors | None,
        rates: FrameRates,
    ) -> list[Picture]:
        frames = self._network.synthesise(y, prior, seen, rates, self._size, predictors)
        return pictures(self._network, frames, z, y, prior, rates)

    def _z(self, rates: FrameRates, before: Array | None) -> Array:
        """What is not kept of the z `before`."""
        indexes = self._network.z_indexes(rates, self._size)
        if before is None:
            z, sent = np.zeros(indexes.shape, np.int32), np.ones(indexes.shape[:3], bool)
        else:
            batch, height, width, _ = before.shape
            sent = decode_modes(self._decoder, (batch, height, width), KEPT_COUNTS) == 0
            z = np.array(before)
        z_tables = self._network.entropy(rates.kind).z_tables
        z[sent] = self._decoder.decode(indexes[sent].ravel(), z_tables).reshape(z[sent].shape)
        return jnp.asarray(z)

    def _modes(self, rates: FrameRates, predictors: int) -> Array:
        shape = (len(rates.level), *self._size.latent)
        modes = decode_modes(self._decoder, shape, MODE_COUNTS)
        if modes.max() > predictors * len(CAPS):
            raise InputError("damaged payload: a P-frame in a mode of B-frames")
        return jnp.asarray(modes)

    def _y(self, priors: Sequence[Prior]) -> list[Array]:
        """Of all batches of a depth."""
        indexes = np.concatenate([np.asarray(prior.indexes) for prior in priors])
        y = self._decoder.decode(indexes.ravel(), self._network.inference.y_tables)
        y = y.astype(np.int16)  # as the encoder has them: one program for both
        ends = np.cumsum([len(prior.indexes) for prior in priors])[:-1]
        return [jnp.asarray(part) for part in np.split(y.reshape(indexes.shape), ends)]
