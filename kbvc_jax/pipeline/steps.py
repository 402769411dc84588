"""The compiled steps of encoder and decoder.

The encoder rebuilds each frame by the very functions, with the very shapes, that the decoder will
run; on one machine their results are therefore the same to the last bit.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.entropy_model import table_indexes
from kbvc_jax.models.hyperprior import Rate, soften_given
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.strips import Strips
from kbvc_jax.ops.densities import scale_table
from kbvc_jax.pipeline import prediction, rounding
from kbvc_jax.pipeline.batch import BLOCK, Latents, Prior

# Pixels whose kernels are in memory at once: 0.3 GB for the paper's network on a processor.
STRIP_PIXELS = {"cpu": 2**18, "gpu": 2**22, "tpu": 2**22}
SYMBOL_LIMIT = 2**15 - 1


def strips_of(references: Float[Array, "b r ph pw 3"]) -> Strips:
    batch, height, width = references.shape[0], *references.shape[2:4]
    pixels = STRIP_PIXELS.get(jax.default_backend(), STRIP_PIXELS["gpu"]) // batch
    return Strips.of(height // 2, width // 2, pixels)


def _samples(frames: UInt[Array, "b h w 3"], peak: int) -> Float[Array, "b ph pw 3"]:
    return pad_to_multiple(frames.astype(jnp.float32) / peak, BLOCK)


@partial(jax.jit, static_argnums=(0, 2))
def references(skeleton, arrays, peak, previous, following):
    model = skeleton.model(arrays)
    return model.references(_samples(previous, peak), _samples(following, peak))


@partial(jax.jit, static_argnums=(0, 2))
def analyse(skeleton, arrays, peak, frames, references, rate):
    model = skeleton.model(arrays)
    samples = _samples(frames, peak)
    if references is None:
        codec, y = model.image, model.image.analyse(samples, rate)
    else:
        codec, y = model.frame, model.frame.analyse(samples, references, rate)
    return Latents(y, codec.hyperprior.hyper_latent(y))


@partial(jax.jit, static_argnums=(0, 2))
def slope(skeleton, arrays, peak, latents, frames, rate, error_weight, prior, sides):
    model = skeleton.model(arrays)

    def cost(latents: Latents) -> Float[Array, ""]:
        if prior is None:
            coded = model.image.hyperprior.soften(*latents, rate)
        else:
            coded = soften_given(latents.y, prior.mean, jnp.asarray(scale_table())[prior.indexes])
        error = _squared_error(model, peak, coded.latent, frames, rate, sides)
        return (coded.bits_y + coded.bits_z).sum() + error_weight * error

    return jax.grad(cost)(latents)


@partial(jax.jit, static_argnums=(0, 2))
def error_slope(skeleton, arrays, peak, latent, frames, rate, error_weight, sides):
    model = skeleton.model(arrays)

    def cost(latent: Float[Array, "b lh lw m"]) -> Float[Array, ""]:
        return error_weight * _squared_error(model, peak, latent, frames, rate, sides)

    return jax.grad(cost)(latent)


def _squared_error(
    model: Kbvc,
    peak: int,
    latent: Float[Array, "b lh lw m"],
    frames: Array,
    rate: Rate,
    sides: UInt[Array, "s b h w 3"] | None,
) -> Float[Array, ""]:
    """In the frames' own units."""
    decoded = crop(_shown(model, peak, latent, rate, sides), *frames.shape[1:3])
    return jnp.square(peak * decoded - frames.astype(jnp.float32)).sum()


def _shown(
    model: Kbvc,
    peak: int,
    latent: Float[Array, "b lh lw m"],
    rate: Rate,
    sides: UInt[Array, "s b h w 3"] | None,
) -> Float[Array, "b ph pw 3"]:
    """By the image codec and, of predicted frames, with what the frames on their sides add."""
    decoded = model.image.synthesise(latent, rate)
    if sides is None:
        return decoded
    return model.fused(decoded, jax.vmap(partial(_samples, peak=peak))(sides), rate.quality)


@jax.jit
def whole(z):
    return jnp.clip(jnp.rint(z).astype(jnp.int32), -SYMBOL_LIMIT, SYMBOL_LIMIT)


@partial(jax.jit, static_argnums=(0, 2, 3))
def prior(skeleton, arrays, kind, size, layers, z, offsets):
    hyperprior = getattr(skeleton.model(arrays), kind).hyperprior
    height, width = size.latent
    mean = hyperprior.mean(z.astype(jnp.float32), height, width)
    indexes = crop(table_indexes(layers, z, offsets), height, width)
    return Prior(mean, indexes.astype(jnp.uint8))


@partial(jax.jit, static_argnums=0)
def scale(skeleton, arrays, latents, rate):
    """Predictors, at the rate of the frames to be predicted."""
    return skeleton.model(arrays).image.scale_latent(latents, rate)


@partial(jax.jit, static_argnums=0)
def known(skeleton, arrays, y, mean, rate):
    return skeleton.model(arrays).image.known_latent(y + mean, rate)


@partial(jax.jit, static_argnums=(0, 2))
def predictors_between(skeleton, arrays, peak, references, frames, known, rate):
    """`frames` and the latents `known`: of those before and of those after."""
    model = skeleton.model(arrays)
    still = sum(_samples(f, peak) for f in frames) / 2
    foreseen = model.image.foresee(sum(known) / 2, model.between(references), still, rate)
    return jnp.stack([foreseen, *known])


@jax.jit
def choose_modes(y, prior, predictors, prices):
    return prediction.choose_modes(y, prior.mean, prior.indexes, predictors, prices)


@partial(jax.jit, static_argnums=3)
def keep(modes, before, z, stride):
    """Which z of the frame before are kept, and all z."""
    kept = prediction.choose_kept(modes, stride)
    return kept, jnp.where(kept[..., None], before, z)


@jax.jit
def predict(prior, predictors, modes):
    return Prior(*prediction.predict(prior.mean, prior.indexes, predictors, modes))


@partial(jax.jit, static_argnums=3)
def quantise(y, prior, prices, weight):
    symbols = rounding.symbols_of(y - prior.mean, prior.indexes, prices, weight)
    return jnp.clip(symbols, -SYMBOL_LIMIT, SYMBOL_LIMIT).astype(jnp.int16)


@partial(jax.jit, static_argnums=(0, 2))
def synthesise_image(skeleton, arrays, peak, y, mean, rate, sides):
    return [_shown(skeleton.model(arrays), peak, y + mean, rate, sides)]


@partial(jax.jit, static_argnums=(0, 2))
def pad_for_strips(skeleton, arrays, strips, y, mean, references, rate):
    model = skeleton.model(arrays)
    features = model.frame.features(y + mean, rate)
    taps = model.config.kernel_size
    return strips.pad_features(features), strips.pad_references(references, taps)


@partial(jax.jit, static_argnums=(0, 2))
def synthesise_strip(skeleton, arrays, strips, features, references, first):
    return strips.synthesise(skeleton.model(arrays).frame, features, references, first)


@partial(jax.jit, static_argnums=(1, 2))
def to_grid(samples, peak, size):
    """The sample grid of the output file: what is rounded here is what later frames refer to."""
    samples = jnp.clip(crop(jnp.concatenate(samples, 1), *size), 0, 1)
    return jnp.rint(samples * peak).astype(jnp.uint8 if peak < 256 else jnp.uint16)
