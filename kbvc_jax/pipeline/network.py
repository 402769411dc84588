"""The compiled steps that encoder and decoder share.

The encoder rebuilds each frame by the very functions, with the very shapes, that the decoder will
run; on one machine their results are therefore the same to the last bit.
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, UInt

from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.entropy_model import (
    QUALITY_STEPS,
    EntropyModel,
    index_offsets,
    table_indexes,
    z_indexes,
)
from kbvc_jax.models.frame_codec import FrameCodec
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.image_codec import ImageCodec
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.strips import Strips

BLOCK = 16
# Pixels whose kernels are in memory at once: 0.3 GB for the paper's network on a processor.
STRIP_PIXELS = {"cpu": 2**18, "gpu": 2**22, "tpu": 2**22}
SYMBOL_LIMIT = 2**15 - 1


Kind = Literal["image", "frame"]


class Size(NamedTuple):
    height: int
    width: int

    @property
    def latent(self) -> tuple[int, int]:
        return -(-self.height // BLOCK), -(-self.width // BLOCK)

    def hyper_latent(self, stride: int) -> tuple[int, int]:
        height, width = self.latent
        return -(-height // stride), -(-width // stride)


class FrameRates(NamedTuple):
    """The rate of each frame of a batch, on the host: quality in 1/QUALITY_STEPS and level."""

    quality: Int[np.ndarray, "b"]
    level: Int[np.ndarray, "b"]

    @property
    def on_device(self) -> Rate:
        quality = jnp.asarray(self.quality / QUALITY_STEPS, jnp.float32)
        return Rate(quality, jnp.asarray(self.level, jnp.int32))


class Prior(NamedTuple):
    """What z tells of y."""

    mean: Float[Array, "b lh lw m"]
    indexes: Int[Array, "b lh lw m"]


class Symbols(NamedTuple):
    """The integers of a batch, and the tables of y."""

    z: Int[Array, "b zh zw c"]
    y: Int[Array, "b lh lw m"]
    indexes: Int[Array, "b lh lw m"]


class Network:
    """Batched steps of one model; frames are unsigned integers up to `peak`.

    References are None for I-frames; the image codec then does the work, else the frame codec.
    """

    def __init__(self, inference: InferenceModel, bit_depth: int):
        self.inference = inference
        self.peak = 2**bit_depth - 1
        self._graph, self._state = nnx.split(inference.model)
        self._certain = jnp.asarray(inference.y_tables.lengths == 1)

    def references(
        self, previous: UInt[Array, "b h w 3"], following: UInt[Array, "b h w 3"]
    ) -> Float[Array, "b r ph pw 3"]:
        return _references(self._graph, self._state, self.peak, previous, following)

    def analyse(
        self, frames: UInt[Array, "b h w 3"], references: Array | None, rates: FrameRates
    ) -> tuple[Symbols, Prior]:
        y, z = _analyse(self._graph, self._state, self.peak, frames, references, rates.on_device)
        kind: Kind = "image" if references is None else "frame"
        prior = self.prior(z, kind, rates, Size(*frames.shape[1:3]))
        return Symbols(z, _quantise(y, prior, self._certain), prior.indexes), prior

    def prior(self, z: Int[Array, "b zh zw c"], kind: Kind, rates: FrameRates, size: Size) -> Prior:
        entropy = self.entropy(kind)
        offsets = index_offsets(entropy, rates.quality, rates.level - _first_level(kind))
        return _prior(self._graph, self._state, kind, size, entropy.layers, z, offsets)

    def entropy(self, kind: Kind) -> EntropyModel:
        return getattr(self.inference, kind)

    def z_indexes(self, kind: Kind, rates: FrameRates, size: Size) -> Int[np.ndarray, "b zh zw c"]:
        """The table of each symbol of z."""
        entropy = self.entropy(kind)
        indexes = z_indexes(entropy, rates.quality, rates.level - _first_level(kind))
        shape = (len(indexes), *size.hyper_latent(entropy.z_stride), entropy.z_channels)
        return np.broadcast_to(indexes[:, None, None], shape)

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
            samples = _synthesise_image(self._graph, self._state, y, prior.mean, rate)
        else:
            samples = self._synthesise_strips(y, prior, references, rate)
        return _to_grid(samples, self.peak, size)

    def _synthesise_strips(self, y: Array, prior: Prior, references: Array, rate: Rate):
        batch, height, width = references.shape[0], *references.shape[2:4]
        pixels = STRIP_PIXELS.get(jax.default_backend(), STRIP_PIXELS["gpu"]) // batch
        strips = Strips.of(height // 2, width // 2, pixels)
        parts = (self._graph, self._state, strips)
        padded = _pad_for_strips(*parts, y, prior.mean, references, rate)
        return [
            _synthesise_strip(*parts, *padded, number * strips.height)
            for number in range(strips.count)
        ]


def _first_level(kind: Kind) -> int:
    return (ImageCodec if kind == "image" else FrameCodec).LEVELS.start


def _samples(frames: UInt[Array, "b h w 3"], peak: int) -> Float[Array, "b ph pw 3"]:
    return pad_to_multiple(frames.astype(jnp.float32) / peak, BLOCK)


@partial(jax.jit, static_argnums=(0, 2))
def _references(graph, state, peak, previous, following):
    model = nnx.merge(graph, state)
    return model.references(_samples(previous, peak), _samples(following, peak))


@partial(jax.jit, static_argnums=(0, 2))
def _analyse(graph, state, peak, frames, references, rate):
    model = nnx.merge(graph, state)
    samples = _samples(frames, peak)
    if references is None:
        codec, y = model.image, model.image.analyse(samples, rate)
    else:
        codec, y = model.frame, model.frame.analyse(samples, references, rate)
    z = jnp.rint(codec.hyperprior.hyper_latent(y)).astype(jnp.int32)
    return y, jnp.clip(z, -SYMBOL_LIMIT, SYMBOL_LIMIT)


@partial(jax.jit, static_argnums=(0, 2, 3))
def _prior(graph, state, kind, size, layers, z, offsets):
    hyperprior = getattr(nnx.merge(graph, state), kind).hyperprior
    height, width = size.latent
    mean = hyperprior.mean(z.astype(jnp.float32), height, width)
    indexes = crop(table_indexes(layers, z, offsets), height, width)
    return Prior(mean, indexes.astype(jnp.uint8))


@jax.jit
def _quantise(y, prior, certain):
    """Where a table makes 0 certain, nothing else can be coded."""
    symbols = jnp.where(certain[prior.indexes], 0, jnp.rint(y - prior.mean))
    return jnp.clip(symbols, -SYMBOL_LIMIT, SYMBOL_LIMIT).astype(jnp.int16)


@partial(jax.jit, static_argnums=0)
def _synthesise_image(graph, state, y, mean, rate):
    return [nnx.merge(graph, state).image.synthesise(y + mean, rate)]


@partial(jax.jit, static_argnums=(0, 2))
def _pad_for_strips(graph, state, strips, y, mean, references, rate):
    model = nnx.merge(graph, state)
    features = model.frame.features(y + mean, rate)
    taps = model.config.kernel_size
    return strips.pad_features(features), strips.pad_references(references, taps)


@partial(jax.jit, static_argnums=(0, 2))
def _synthesise_strip(graph, state, strips, features, references, first):
    return strips.synthesise(nnx.merge(graph, state).frame, features, references, first)


@partial(jax.jit, static_argnums=(1, 2))
def _to_grid(samples, peak, size):
    """The sample grid of the output file: what is rounded here is what later frames refer to."""
    samples = jnp.clip(crop(jnp.concatenate(samples, 1), *size), 0, 1)
    return jnp.rint(samples * peak).astype(jnp.uint8 if peak < 256 else jnp.uint16)
