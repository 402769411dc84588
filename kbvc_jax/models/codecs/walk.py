"""THE walk over a codec's latents, by one of three coders.

latent by latent: mean, from those before --- coder: residual --- mean + residual

Where latents come first, an encoder walks over these, and looks for the others by what they tell.

`Estimate` finds bits and passes gradients on, `Write` chooses symbols and their tables, `Read` has
symbols. So what is trained is what is coded, and a decoder has what its encoder had.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray

from kbvc_jax.models.codecs.contract import GAUSSIAN, Decoded, FrameCodec, Latent, Symbols, Values
from kbvc_jax.models.codecs.modes import adaptive_bits
from kbvc_jax.models.codecs.motion.vectors import vector_bits
from kbvc_jax.models.codecs.rounding import Prices, gaussian_prices, symbols_of
from kbvc_jax.models.config import Rounding
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.ops import quantise

SYMBOL_LIMIT = 2**15 - 1
SHARPNESS = 3.0  # of soft rounding


class Place(NamedTuple):
    """Where a walk stands: at a latent, with those before it known."""

    codec: FrameCodec
    latent: Latent
    known: Values
    context: Any
    rate: Rate


@runtime_checkable
class Coder(Protocol):
    def residual(self, place: Place, mean: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
        """What is added to a mean. Of a latent in steps it is asked for again; the last counts."""
        ...


class Walked(NamedTuple):
    known: Values  # latents as a decoder has them
    context: Any  # all that they tell included


def walk(
    codec: FrameCodec,
    coder: Coder,
    context: Any,
    rate: Rate,
    latents: Sequence[Latent] | None = None,
    before: Values | None = None,
) -> Walked:
    """Over all latents; or over these, of which those `before` are known."""
    known = dict(before or {})
    for latent in codec.latents if latents is None else latents:
        choose = partial(coder.residual, Place(codec, latent, dict(known), context, rate))
        mean = codec.mean(latent, known, choose, context, rate)
        known[latent.name] = mean + choose(mean)
        context = codec.learn(latent, known, context, rate)
    return Walked(known, context)


def learnt(codec: FrameCodec, known: Values, context: Any, rate: Rate) -> Any:
    """The context of latents that are all there."""
    for latent in codec.latents:
        context = codec.learn(latent, known, context, rate)
    return context


def walk_first(codec: FrameCodec, coder: Coder, context: Any, rate: Rate) -> Walked:
    return walk(codec, coder, context, rate, codec.latents[: codec.first])


def walk_rest(codec: FrameCodec, coder: Coder, begun: Walked, rate: Rate) -> Walked:
    return walk(codec, coder, begun.context, rate, codec.latents[codec.first :], begun.known)


class Estimate:
    """Bits by density. With a key under uniform noise, as one trains; else of the symbols that a
    file would hold. `soft`: rounded in a curve, whose gradient tells what would have been better.
    """

    def __init__(
        self,
        exact: Values,
        key: PRNGKeyArray | None = None,
        *,
        rounding: Rounding = "nearest",
        soft: bool = False,
    ):
        self.bits: dict[str, Float[Array, "b"]] = {}
        self.exact = dict(exact)  # of the latents that it is asked for; may grow
        self._key, self._rounding, self._soft = key, rounding, soft
        self._densities: dict[str, Gaussian | Learned] = {}

    def residual(self, place: Place, mean: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
        codec, latent, known, context, rate = place
        exact = self.exact[latent.name]
        if latent.adaptive:
            price = partial(adaptive_bits, first=latent.counts) if latent.counts else vector_bits
            self.bits[latent.name] = price(jax.lax.stop_gradient(exact))
            return exact - mean
        if latent.name not in self._densities:  # the same at each of a latent's steps
            self._densities[latent.name] = codec.density(latent, known, context, rate)
        density, wanted = self._densities[latent.name], exact - mean
        if self._soft and latent.tables == GAUSSIAN:
            rounded = jnp.where(density.certain, 0, quantise.soft(wanted, SHARPNESS))
            bits = density.bits(rounded)
        else:
            symbols = self._rounded(latent, wanted, density)
            rounded = wanted + jax.lax.stop_gradient(symbols - wanted)
            if self._soft:
                bits = density.bits(rounded)
            elif self._key is None:
                bits = density.coded_bits(rounded)
            else:
                number = codec.latents.index(latent)
                bits = density.bits(quantise.noise(wanted, jax.random.fold_in(self._key, number)))
        self.bits[latent.name] = bits.sum(range(1, bits.ndim))
        return rounded

    def _rounded(self, latent: Latent, wanted: Array, density) -> Array:
        if self._rounding == "rate" and latent.error_weight is not None:
            return symbols_of(wanted, density.indexes, gaussian_prices(), latent.error_weight)
        return jnp.where(density.certain, 0, jnp.rint(wanted))

    @property
    def total(self) -> Float[Array, "b"]:
        return jnp.stack(list(self.bits.values())).sum(0)


class Write:
    """Symbols, each with its table."""

    def __init__(
        self,
        exact: Values,
        memories: Sequence[Any],
        prices: Mapping[str, Prices],
        rounding: Rounding,
        before: Symbols | None = None,
    ):
        """`before`: symbols that are chosen already."""
        self.symbols: dict[str, Int[Array, "b ..."]] = dict(before or {})
        self.tables: dict[str, Integer[Array, "b ..."]] = {}
        self.exact, self._memories = dict(exact), memories
        self._prices, self._rounding = prices, rounding

    def residual(self, place: Place, mean: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
        latent, name = place.latent, place.latent.name
        wanted = self.exact[name] - mean
        if latent.adaptive:
            symbols = wanted
        else:
            if name not in self.tables:
                known = dict(self.symbols)
                self.tables[name] = place.codec.tables(latent, known, self._memories, place.rate)
            weight = latent.error_weight if self._rounding == "rate" else None
            symbols = symbols_of(wanted, self.tables[name], self._prices[latent.tables], weight)
            symbols = jnp.clip(symbols, -SYMBOL_LIMIT, SYMBOL_LIMIT)
        self.symbols[name] = symbols.astype(jnp.int32)
        return self.symbols[name].astype(jnp.float32)


class Read:
    """Symbols that are known: a decoder's, and an encoder's that sees what a decoder will."""

    def __init__(self, symbols: Symbols):
        self._symbols = symbols

    def residual(self, place: Place, mean: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
        return self._symbols[place.latent.name].astype(jnp.float32)


def walk_frame(
    codec: FrameCodec,
    coder: Estimate | Write,
    frame: Float[Array, "b h w 3"],
    observed: Any,
    context: Any,
    rate: Rate,
) -> Walked:
    """Over all latents of a frame, each part looked for when the walk comes to it."""
    coder.exact |= codec.analyse_first(frame, observed, context, rate)
    begun = walk_first(codec, coder, context, rate)
    rest = codec.analyse(frame, observed, begun.context, rate)
    coder.exact |= codec.settle(rest, begun.context, rate)
    return walk_rest(codec, coder, begun, rate)


class Estimated(NamedTuple):
    decoded: Decoded
    known: Values
    bits: Mapping[str, Float[Array, "b"]]  # of each latent, in coding order


def estimate(
    codec: FrameCodec,
    frame: Float[Array, "b h w 3"],
    references: Sequence[Decoded],
    rate: Rate,
    key: PRNGKeyArray | None = None,
    *,
    observed: Any = None,
    rounding: Rounding = "nearest",
) -> Estimated:
    """A frame all the way, as training sees it."""
    context = codec.context(references, rate)
    coder = Estimate({}, key, rounding=rounding)
    walked = walk_frame(codec, coder, frame, observed, context, rate)
    return Estimated(codec.synthesise(*walked, rate), walked.known, coder.bits)
