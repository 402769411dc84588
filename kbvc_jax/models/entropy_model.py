"""What coding needs of a hyperprior: integers alone choose every probability.

The scale decoder is quantised once, at export: int8 weights, 7-bit activations, int32 sums, scales
that are powers of two. It maps the integers z to the index of a table, the same on every machine.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int8, Int32, Num

from kbvc_jax.coding.tables import Tables, tables_from_pmf
from kbvc_jax.models.hyperprior import Hyperprior, Rate
from kbvc_jax.ops.densities import INDEXES_AN_OCTAVE, SCALE_MIN, SCALES
from kbvc_jax.ops.integer import integer_transposed_conv, requantise
from kbvc_jax.ops.lookup import entries
from kbvc_jax.rate import BEST, MAX_QUALITY, QUALITY_STEPS
from kbvc_jax.runtime.errors import InputError

FRACTION = 6  # binary places of an index before it is rounded
Z_RATES = 15  # qualities, evenly spread, for which z has tables
ACTIVATION_MAX = 127
MAX_SHIFT = 30


class IntegerLayer(NamedTuple):
    """A transposed convolution; sums are shifted right to the next layer's scale."""

    weights: Int8[Array | np.ndarray, "k k i o"]
    bias: Int32[Array | np.ndarray, "o"]
    shift: Int32[Array | np.ndarray, "o"]


class IntegerPrior(NamedTuple):
    """A scale decoder in integers."""

    layers: tuple[IntegerLayer, ...]
    knots: Int32[Array | np.ndarray, "p m"]  # index offsets over quality, in 1/2^FRACTION
    shifts: Int32[Array | np.ndarray, "l m"]

    @property
    def channels(self) -> int:
        return self.layers[-1].bias.size

    @property
    def z_channels(self) -> int:
        return self.layers[0].weights.shape[2]


class EntropyModel(NamedTuple):
    """Integer arrays of one hyperprior, as they ship."""

    prior: IntegerPrior
    z_tables: Tables  # of each of Z_RATES qualities, each level, each channel


def index_offsets(prior: IntegerPrior, rate: Rate, first_level: int) -> Int32[Array, "b m"]:
    """Each channel's index offset. Products stay below BEST * 2^16: see quantise_hyperprior."""
    knots, points = jnp.asarray(prior.knots), len(prior.knots)
    if not points:
        return jnp.zeros((len(rate.level), prior.channels), jnp.int32)
    position = fixed_point(rate) * (points - 1)
    lower = jnp.minimum(position // BEST, points - 2)
    part = (position - lower * BEST)[:, None]
    first, second = entries(knots, lower), entries(knots, lower + 1)
    between = (first * (BEST - part) + second * part) // BEST
    return between + entries(jnp.asarray(prior.shifts), rate.level - first_level)


def z_indexes(prior: IntegerPrior, rate: Rate, first_level: int) -> Int32[Array, "b c"]:
    """The table of each channel of z: of the nearest quality that has tables."""
    place, levels = jnp.zeros_like(rate.level), len(prior.shifts)
    if levels:
        nearest = (2 * fixed_point(rate) * (Z_RATES - 1) + BEST) // (2 * BEST)
        place = nearest * levels + rate.level - first_level
    return place[:, None] * prior.z_channels + jnp.arange(prior.z_channels)


def certain_index(prior: IntegerPrior) -> int:
    """Behind the tables of z: the one under which nothing is sent (tables_with_certain)."""
    levels = len(prior.shifts)
    return (Z_RATES * levels if levels else 1) * prior.z_channels


def fixed_point(rate: Rate) -> Int32[Array, "b"]:
    """Quality as it stands in a stream; its 256ths are exact in float32."""
    return jnp.rint(rate.quality * QUALITY_STEPS).astype(jnp.int32)


def _apply(layer: IntegerLayer, x: Int[Array, "b h w i"]) -> Int32[Array, "b 2*h 2*w o"]:
    weights, bias = jnp.asarray(layer.weights), jnp.asarray(layer.bias)
    return integer_transposed_conv(x.astype(jnp.int8), weights, bias)


def table_indexes(
    layers: tuple[IntegerLayer, ...], z: Int[Array, "b zh zw c"], offsets: Int32[Array, "b m"]
) -> Int32[Array, "b h w m"]:
    """The integer scale decoder; each of its layers doubles the resolution."""
    x = jnp.clip(z, -ACTIVATION_MAX, ACTIVATION_MAX)
    for layer in layers[:-1]:
        x = _apply(layer, x)
        x = jnp.clip(requantise(x, layer.shift), 0, ACTIVATION_MAX)
    last = layers[-1]
    x = requantise(_apply(last, x), last.shift) + offsets[:, None, None]
    return jnp.clip(requantise(x, jnp.int32(FRACTION)), 0, SCALES - 1)


def quantise_hyperprior(
    hyperprior: Hyperprior, z: Num[Array, "b zh zw c"] | Num[np.ndarray, "b zh zw c"]
) -> EntropyModel:
    """Calibrated on the latents z of real frames."""
    layers, x, binary_places = [], jnp.asarray(z, jnp.float32), 0
    stack = hyperprior.scale_decoder.layers
    for depth, layer in enumerate(stack):
        weights = np.asarray(layer.kernel[...], np.float64)
        bias = np.asarray(layer.bias[...], np.float64)
        x = layer(x)
        if depth < len(stack) - 1:
            x = jax.nn.relu(x)
            # All but the rarest activations fit into seven bits.
            largest = float(np.quantile(np.asarray(x, np.float32), 0.9999))
            target = math.floor(math.log2(ACTIVATION_MAX / max(largest, 1e-3)))
        else:
            weights, bias = weights * INDEXES_AN_OCTAVE, bias * INDEXES_AN_OCTAVE
            bias = bias - math.log2(SCALE_MIN) * INDEXES_AN_OCTAVE
            target = FRACTION
        layers.append(_quantise_layer(weights, bias, binary_places, target))
        binary_places = target
    knots, shifts = np.zeros((0, 0), np.int32), np.zeros((0, 0), np.int32)
    if hyperprior.scale_shift is not None:
        unit = INDEXES_AN_OCTAVE * 2**FRACTION
        knots = np.rint(np.asarray(hyperprior.scale_shift.knots[...]) * unit).astype(np.int32)
        shifts = np.rint(np.asarray(hyperprior.scale_shift.shifts[...]) * unit).astype(np.int32)
    prior = IntegerPrior(tuple(layers), knots, shifts)
    check_sums(prior)
    return EntropyModel(prior, factorised_tables(hyperprior))


def check_sums(prior: IntegerPrior) -> None:
    """Whatever z is, every sum fits into 32 bits: then it is the same on every machine."""
    for depth, layer in enumerate(prior.layers):
        shift = np.asarray(layer.shift)
        if shift.min() < 0 or shift.max() > MAX_SHIFT:
            raise InputError(f"scale decoder, layer {depth}: a shift is not from 0 to {MAX_SHIFT}")
    names = [*(f"layer {depth}" for depth in range(len(prior.layers))), "indexes"]
    for name, largest in zip(names, largest_sums(prior), strict=True):
        if largest >= 2**31:
            raise InputError(
                f"scale decoder, {name}: sums reach {largest:,}; 32 bits hold {2**31 - 1:,}"
            )
    if prior.knots.size and np.abs(np.asarray(prior.knots, np.int64)).max() >= 2**16:
        raise InputError("index offsets beyond 16 bits: the scales of this model cannot be coded")


def largest_sums(prior: IntegerPrior) -> list[int]:
    """Of each layer, in size, with its bias and what rounding adds; last, that of an index."""
    found, low, most = [], -ACTIVATION_MAX, 0
    for layer in prior.layers:
        # An output meets the taps of one parity in each direction, each of them once.
        weights = np.asarray(layer.weights, np.int64)
        phases = [weights[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        up = np.max([taps.clip(min=0).sum((0, 1, 2)) for taps in phases], 0)
        down = np.max([-taps.clip(max=0).sum((0, 1, 2)) for taps in phases], 0)
        either = np.maximum(ACTIVATION_MAX * up - low * down, ACTIVATION_MAX * down - low * up)
        shift, bias = np.asarray(layer.shift, np.int64), np.abs(np.asarray(layer.bias, np.int64))
        sums = either + bias + (1 << shift) // 2
        found.append(int(sums.max()))
        low, most = 0, int((sums >> shift).max()) + 1
    offsets = [np.abs(np.asarray(own, np.int64)).max(initial=0) for own in prior[1:]]
    return [*found, most + int(sum(offsets)) + 2 ** (FRACTION - 1)]


def _quantise_layer(
    weights: Float[np.ndarray, "k k i o"], bias: Float[np.ndarray, "o"], places: int, target: int
) -> IntegerLayer:
    """Inputs have `places` binary places, outputs `target`; weights, each output's own."""
    largest = np.maximum(np.abs(weights).max((0, 1, 2)), 1e-6)
    weight_places = np.floor(np.log2(127 / largest)).astype(int)
    # A shift to the left would be one of no information: keep fewer places where sums need none.
    shift = np.clip(weight_places + places - target, 0, MAX_SHIFT)
    weight_places = shift - places + target
    return IntegerLayer(
        np.rint(weights * 2.0**weight_places).clip(-127, 127).astype(np.int8),
        np.rint(bias * 2.0 ** (weight_places + places)).clip(-(2**30), 2**30).astype(np.int32),
        shift.astype(np.int32),
    )


def factorised_tables(hyperprior: Hyperprior) -> Tables:
    """Integer tables of z from its learned densities: see EntropyModel."""
    channels = hyperprior.scale_decoder.layers[0].kernel.shape[2]
    symbols = np.arange(-ACTIVATION_MAX, ACTIVATION_MAX + 1)
    rate = _table_rates(hyperprior)
    shape = (len(rate.quality), 1, symbols.size, channels)
    grid = jnp.broadcast_to(jnp.asarray(symbols, jnp.float32)[:, None], shape)
    pmf = 2.0 ** -np.asarray(hyperprior.z_bits(grid, rate), np.float64)[:, 0]
    kept = []
    for channel in np.moveaxis(pmf, 1, -1).reshape(-1, symbols.size):
        (likely,) = np.nonzero(channel > 2.0**-16)
        low, high = (likely[0], likely[-1]) if likely.size else (symbols.size // 2,) * 2
        kept.append((channel[low : high + 1], int(symbols[low])))
    return tables_from_pmf([pmf for pmf, _ in kept], [offset for _, offset in kept])


def _table_rates(hyperprior: Hyperprior) -> Rate:
    """The rates that have tables of z, level by level within each quality."""
    spread = hyperprior.z_spread
    if spread is None:
        return Rate(jnp.zeros(1), jnp.zeros(1, jnp.int32))
    levels = len(spread.shifts[...])
    quality = jnp.repeat(jnp.linspace(0, MAX_QUALITY, Z_RATES), levels)
    return Rate(quality, jnp.tile(jnp.arange(levels), Z_RATES) + spread.first_level)
