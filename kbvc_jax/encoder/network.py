"""What an encoder does with one model besides decoding, batch by batch."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Sharding
from jaxtyping import Array, Float, Integer, UInt

from kbvc_jax.codec.network import Batch, Network
from kbvc_jax.codec.payload import Coded, bits_of_each_position
from kbvc_jax.encoder import steps
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.codecs.contract import Latent, Symbols, Values
from kbvc_jax.models.codecs.motion.estimation import Ways
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.codecs.rounding import Prices
from kbvc_jax.models.codecs.walk import Walked
from kbvc_jax.models.config import Rounding
from kbvc_jax.models.padding import BLOCK, pad_to_multiple
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.rate import Quality, number_of


class Begun(NamedTuple):
    """Of a batch: the latents that come first, and what they tell."""

    symbols: Symbols
    tables: Mapping[str, Integer[Array, "b ..."]]
    walked: Walked


class EncoderNetwork(Network):
    """The steps of a decoder, and those that steps.py beside this has."""

    def __init__(self, inference: InferenceModel, bit_depth: int, place: Sharding | None = None):
        super().__init__(inference, bit_depth, place)
        self._prices = {name: Prices.of(tables) for name, tables in self.tables_of.items()}

    def observe(self, batch: Batch, ways: Ways) -> Any:
        """What the codec finds out on the host, if anything."""
        codec = CODECS[batch.codec]
        if not codec.observes:
            return None
        sides = [np.asarray(pad_to_multiple(side.frames, BLOCK)) for side in batch.references]
        worth = self.error_weight(batch.rates.quality) * (self.peak / 255) ** 2
        return codec.observe(ways, sides, worth)

    def analyse_first(
        self, batch: Batch, frames: UInt[Array, "b h w 3"], observed: Any, context: Any
    ) -> Values:
        if not CODECS[batch.codec].first:
            return {}
        parts = self.program(batch), self.weights, frames, observed, context, batch.rate
        return self.run(steps.analyse, *parts, True)

    def analyse(
        self, batch: Batch, frames: UInt[Array, "b h w 3"], observed: Any, context: Any
    ) -> Values:
        shared, parts = CODECS[batch.codec].analysed_as, (self.weights, frames)
        if shared:
            image = self.program(batch, shared)
            return self.run(steps.analyse, image, *parts, None, None, batch.rate)
        return self.run(steps.analyse, self.program(batch), *parts, observed, context, batch.rate)

    def begin(self, batch: Batch, exact: Values, context: Any, rounding: Rounding) -> Begun:
        """By the latents that come first."""
        first, _ = self.names(batch)
        if not first:
            return Begun({}, {}, Walked({}, context))
        own = {name: exact[name] for name in first}
        parts = self.program(batch), self.weights, own, context, batch.memories, batch.rate
        symbols, tables = self.run(steps.choose_first, *parts, self._prices, rounding)
        return Begun(symbols, tables, self.learn(batch, symbols, context))

    def choose(self, batch: Batch, exact: Values, begun: Begun, rounding: Rounding) -> Coded:
        """All others, and what they begin with."""
        own = {name: exact[name] for name in self.names(batch)[1] if name in exact}
        parts = self.program(batch), self.weights, own, begun.symbols, begun.walked
        rest = batch.memories, batch.rate, self._prices, rounding
        symbols, tables = self.run(steps.choose, *parts, *rest)
        return Coded(batch, symbols, {**begun.tables, **tables})

    def slope(
        self, coded: Coded, exact: Values, frames: UInt[Array, "b h w 3"], context: Any
    ) -> Values:
        """Where not to go: see steps.py."""
        batch, symbols, _ = coded
        weight = self.error_weight(batch.rates.quality)
        parts = self.program(batch), self.weights, exact, symbols, frames, context
        return self.run(steps.slope, *parts, batch.rate, weight)

    def error_slope(self, coded: Coded, frames: UInt[Array, "b h w 3"], context: Any) -> Values:
        batch, symbols, _ = coded
        weight = self.error_weight(batch.rates.quality)
        parts = self.program(batch), self.weights, symbols, frames, context
        return self.run(steps.error_slope, *parts, batch.rate, weight)

    def error_weight(self, quality: Quality) -> float:
        """What a squared error of 1 is worth in bits, in one of a pixel's three samples."""
        of_one = lambda_of(number_of(quality), self.inference.model.config)
        return float(of_one) * (255 / self.peak) ** 2 / 3

    def bits(self, coded: Coded) -> Mapping[str, Float[np.ndarray, "b"]]:
        """Of each latent, as the tables price it."""
        batch, (symbols, indexes) = coded.batch, jax.device_get(coded[1:])

        def priced(latent: Latent) -> Float[np.ndarray, "b"]:
            name, tables = latent.name, self.tables_of[latent.tables]
            each = bits_of_each_position(latent, symbols[name], indexes.get(name), tables)
            return each.sum((1, 2))

        return {latent.name: priced(latent) for latent in self.latents(batch.codec, batch.size)}
