"""The compiled steps of encoder and decoder.

The encoder rebuilds each frame by the very functions, with the very shapes, that the decoder will
run; on one machine their results are therefore the same to the last bit.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from kbvc_jax.coding.modes import mode_bits
from kbvc_jax.coding.tables import symbol_bits
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.entropy_model import (
    QUALITY_STEPS,
    EntropyModel,
    index_offsets,
    table_indexes,
    z_indexes,
)
from kbvc_jax.models.hyperprior import Rate, soften
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.models.strips import Strips
from kbvc_jax.ops.densities import scale_table
from kbvc_jax.pipeline.batch import (
    BLOCK,
    FrameRates,
    Kind,
    Known,
    Latents,
    Prior,
    Size,
    Symbols,
)
from kbvc_jax.pipeline.prediction import (
    KEPT_COUNTS,
    MODE_COUNTS,
    choose_kept,
    choose_modes,
    predict,
    prices,
)
from kbvc_jax.pipeline.skeleton import split

# Pixels whose kernels are in memory at once: 0.3 GB for the paper's network on a processor.
STRIP_PIXELS = {"cpu": 2**18, "gpu": 2**22, "tpu": 2**22}
SYMBOL_LIMIT = 2**15 - 1


class Network:
    """Batched steps of one model; frames are unsigned integers up to `peak`.

    References are None for I-frames; the image codec then does the work, else the frame codec.
    """

    def __init__(self, inference: InferenceModel, bit_depth: int):
        self.inference = inference
        self.peak = 2**bit_depth - 1
        self._skeleton, self._arrays = split(inference.model)
        self._certain = jnp.asarray(inference.y_tables.lengths == 1)
        self._prices = jnp.asarray(prices(inference.y_tables))

    def references(
        self, previous: UInt[Array, "b h w 3"], following: UInt[Array, "b h w 3"]
    ) -> Float[Array, "b r ph pw 3"]:
        return _references(self._skeleton, self._arrays, self.peak, previous, following)

    def analyse(
        self, frames: UInt[Array, "b h w 3"], references: Array | None, rates: FrameRates
    ) -> Latents:
        return _analyse(
            self._skeleton, self._arrays, self.peak, frames, references, rates.on_device
        )

    def slope(
        self,
        latents: Latents,
        frames: UInt[Array, "b h w 3"],
        references: Array | None,
        rates: FrameRates,
        quality: int,
        prior: Prior | None = None,
    ) -> Latents:
        """The gradient of the cost at `quality`: where not to go. Of frames that others predict,
        under the `prior` that they have."""
        parts = (self._skeleton, self._arrays, self.peak, latents, frames, references)
        strips = None if references is None else _strips(references)
        return _slope(*parts, strips, rates.on_device, self.error_weight(quality), prior)

    def error_weight(self, quality: int) -> float:
        """What a squared error of 1 is worth in bits, in one of a pixel's three samples."""
        of_one = lambda_of(quality / QUALITY_STEPS, self.inference.model.config)
        return float(of_one) * (255 / self.peak) ** 2 / 3

    def quantise(
        self, latents: Latents, rates: FrameRates, size: Size, known: Known | None = None
    ) -> tuple[Symbols, Prior]:
        """With what is known of other frames, latents are predicted where that is cheaper."""
        z = _whole(latents.z)
        prior, modes, kept = self.prior(z, rates, size), None, None
        if known is not None:
            sources = self._sources(known, rates)
            parts = sources, self._prices, self._certain
            kept = _choose_kept(latents.y, prior, *parts, self.entropy(rates.kind).z_stride)
            z = _keep(kept, known.z, z)
            prior = self.prior(z, rates, size)
            modes = _choose_modes(latents.y, prior, *parts)
            prior = _predict(prior, sources, modes)
        y = _quantise(latents.y, prior, self._certain)
        return Symbols(z, y, prior.indexes, modes, kept), prior

    def prior(self, z: Int[Array, "b zh zw c"], rates: FrameRates, size: Size) -> Prior:
        entropy = self.entropy(rates.kind)
        offsets = index_offsets(entropy, rates.quality, rates.places)
        return _prior(self._skeleton, self._arrays, rates.kind, size, entropy.layers, z, offsets)

    def predict(self, prior: Prior, known: Known, modes: Array, rates: FrameRates) -> Prior:
        return _predict(prior, self._sources(known, rates), modes)

    def _sources(self, known: Known, rates: FrameRates) -> Float[Array, "b s lh lw m"]:
        return _sources(self._skeleton, self._arrays, known.latents, rates.on_device)

    def known(self, z: Array, y: Array, prior: Prior, rates: FrameRates) -> Known:
        """Of frames that the image codec made, each a source of its own."""
        latents = _known(self._skeleton, self._arrays, y, prior.mean, rates.on_device)
        return Known(latents[:, None], z)

    def entropy(self, kind: Kind) -> EntropyModel:
        return getattr(self.inference, kind)

    def z_indexes(self, rates: FrameRates, size: Size) -> Int[np.ndarray, "b zh zw c"]:
        """The table of each symbol of z."""
        entropy = self.entropy(rates.kind)
        indexes = z_indexes(entropy, rates.quality, rates.places)
        shape = (len(indexes), *size.hyper_latent(entropy.z_stride), entropy.z_channels)
        return np.broadcast_to(indexes[:, None, None], shape)

    def bits(
        self, symbols: Symbols, rates: FrameRates, size: Size
    ) -> tuple[Float[np.ndarray, "b"], Float[np.ndarray, "b"]]:
        """Of y and of z, with what tells how they are predicted, as the tables price them."""
        z_tables, y_tables = self.entropy(rates.kind).z_tables, self.inference.y_tables
        z, y, indexes, modes, kept = jax.device_get(symbols)
        z_indexes = self.z_indexes(rates, size)
        sent = np.ones(z.shape[:3], bool) if kept is None else ~kept
        bits_y = [symbol_bits(y[r].ravel(), indexes[r].ravel(), y_tables) for r in range(len(y))]
        bits_z = [
            symbol_bits(z[r][sent[r]].ravel(), z_indexes[r][sent[r]].ravel(), z_tables)
            for r in range(len(z))
        ]
        if modes is not None and kept is not None:
            bits_z += mode_bits(kept.astype(np.int64), KEPT_COUNTS) + mode_bits(
                modes.astype(np.int64), MODE_COUNTS
            )
        return np.array(bits_y), np.array(bits_z)

    def synthesise(
        self,
        y: Int[Array, "b lh lw m"],
        prior: Prior,
        references: Array | None,
        rates: FrameRates,
        size: Size,
    ) -> UInt[Array, "b h w 3"]:
        rate = rates.on_device
        if references is None:
            samples = _synthesise_image(self._skeleton, self._arrays, y, prior.mean, rate)
        else:
            samples = self._synthesise_strips(y, prior, references, rate)
        return _to_grid(samples, self.peak, size)

    def _synthesise_strips(self, y: Array, prior: Prior, references: Array, rate: Rate):
        strips = _strips(references)
        parts = (self._skeleton, self._arrays, strips)
        padded = _pad_for_strips(*parts, y, prior.mean, references, rate)
        return [
            _synthesise_strip(*parts, *padded, number * strips.height)
            for number in range(strips.count)
        ]


def _strips(references: Float[Array, "b r ph pw 3"]) -> Strips:
    batch, height, width = references.shape[0], *references.shape[2:4]
    pixels = STRIP_PIXELS.get(jax.default_backend(), STRIP_PIXELS["gpu"]) // batch
    return Strips.of(height // 2, width // 2, pixels)


def _samples(frames: UInt[Array, "b h w 3"], peak: int) -> Float[Array, "b ph pw 3"]:
    return pad_to_multiple(frames.astype(jnp.float32) / peak, BLOCK)


@partial(jax.jit, static_argnums=(0, 2))
def _references(skeleton, arrays, peak, previous, following):
    model = skeleton.model(arrays)
    return model.references(_samples(previous, peak), _samples(following, peak))


@partial(jax.jit, static_argnums=(0, 2))
def _analyse(skeleton, arrays, peak, frames, references, rate):
    model = skeleton.model(arrays)
    samples = _samples(frames, peak)
    if references is None:
        codec, y = model.image, model.image.analyse(samples, rate)
    else:
        codec, y = model.frame, model.frame.analyse(samples, references, rate)
    return Latents(y, codec.hyperprior.hyper_latent(y))


@partial(jax.jit, static_argnums=(0, 2, 6))
def _slope(skeleton, arrays, peak, latents, frames, references, strips, rate, error_weight, prior):
    model = skeleton.model(arrays)
    frames = frames.astype(jnp.float32)

    def cost(latents: Latents) -> Float[Array, ""]:
        codec = model.image if references is None else model.frame
        if prior is None:
            coded = codec.hyperprior.soften(*latents, rate)
        else:
            coded = soften(latents.y, prior.mean, jnp.asarray(scale_table())[prior.indexes])
        if references is None:
            decoded = crop(model.image.synthesise(coded.latent, rate), *frames.shape[1:3])
            error = jnp.square(decoded - frames / peak).sum((1, 2, 3))
        else:
            features = model.frame.features(coded.latent, rate)
            taps = model.config.kernel_size
            error = strips.squared_error(model.frame, features, references, frames / peak, taps)
        return (coded.bits_y + coded.bits_z + error_weight * peak**2 * error).sum()

    return jax.grad(cost)(latents)


@jax.jit
def _whole(z):
    return jnp.clip(jnp.rint(z).astype(jnp.int32), -SYMBOL_LIMIT, SYMBOL_LIMIT)


@partial(jax.jit, static_argnums=(0, 2, 3))
def _prior(skeleton, arrays, kind, size, layers, z, offsets):
    hyperprior = getattr(skeleton.model(arrays), kind).hyperprior
    height, width = size.latent
    mean = hyperprior.mean(z.astype(jnp.float32), height, width)
    indexes = crop(table_indexes(layers, z, offsets), height, width)
    return Prior(mean, indexes.astype(jnp.uint8))


@partial(jax.jit, static_argnums=0)
def _sources(skeleton, arrays, known, rate):
    """At the rate of the frames to be predicted."""
    image = skeleton.model(arrays).image
    return jnp.stack([image.scale_latent(k, rate) for k in jnp.moveaxis(known, 1, 0)], 1)


@partial(jax.jit, static_argnums=0)
def _known(skeleton, arrays, y, mean, rate):
    return skeleton.model(arrays).image.known_latent(y + mean, rate)


@partial(jax.jit, static_argnums=5)
def _choose_kept(y, prior, sources, prices, certain, stride):
    return choose_kept(_choose_modes(y, prior, sources, prices, certain), stride)


@jax.jit
def _keep(kept, before, z):
    return jnp.where(kept[..., None], before, z)


@jax.jit
def _choose_modes(y, prior, sources, prices, certain):
    return choose_modes(y, prior.mean, prior.indexes, sources, prices, certain)


@jax.jit
def _predict(prior, sources, modes):
    return Prior(*predict(prior.mean, prior.indexes, sources, modes))


@jax.jit
def _quantise(y, prior, certain):
    """Where a table makes 0 certain, nothing else can be coded."""
    symbols = jnp.where(certain[prior.indexes], 0, jnp.rint(y - prior.mean))
    return jnp.clip(symbols, -SYMBOL_LIMIT, SYMBOL_LIMIT).astype(jnp.int16)


@partial(jax.jit, static_argnums=0)
def _synthesise_image(skeleton, arrays, y, mean, rate):
    return [skeleton.model(arrays).image.synthesise(y + mean, rate)]


@partial(jax.jit, static_argnums=(0, 2))
def _pad_for_strips(skeleton, arrays, strips, y, mean, references, rate):
    model = skeleton.model(arrays)
    features = model.frame.features(y + mean, rate)
    taps = model.config.kernel_size
    return strips.pad_features(features), strips.pad_references(references, taps)


@partial(jax.jit, static_argnums=(0, 2))
def _synthesise_strip(skeleton, arrays, strips, features, references, first):
    return strips.synthesise(skeleton.model(arrays).frame, features, references, first)


@partial(jax.jit, static_argnums=(1, 2))
def _to_grid(samples, peak, size):
    """The sample grid of the output file: what is rounded here is what later frames refer to."""
    samples = jnp.clip(crop(jnp.concatenate(samples, 1), *size), 0, 1)
    return jnp.rint(samples * peak).astype(jnp.uint8 if peak < 256 else jnp.uint16)
