"""The compiled steps of a decoder; encoder/steps.py has what an encoder needs besides.

The encoder rebuilds each frame by the very functions, with the very shapes, that the decoder will
run; on one machine their results are therefore the same to the last bit.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Int32, Integer, UInt

from kbvc_jax.codec import prediction
from kbvc_jax.codec.batch import BLOCK, Kind, Prior, Size
from kbvc_jax.models.entropy_model import IntegerLayer, table_indexes
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.padding import crop, pad_to_multiple
from kbvc_jax.models.parameters import Parameters, Skeleton
from kbvc_jax.models.strips import Strips

# Pixels whose kernels are in memory at once: 0.3 GB for the paper's network on a processor.
STRIP_PIXELS = {"cpu": 2**18, "gpu": 2**22, "tpu": 2**22}


def strips_of(references: Float[Array, "b r ph pw 3"]) -> Strips:
    batch, height, width = references.shape[0], *references.shape[2:4]
    pixels = STRIP_PIXELS.get(jax.default_backend(), STRIP_PIXELS["gpu"]) // batch
    return Strips.of(height // 2, width // 2, pixels)


def samples(frames: UInt[Array, "b h w 3"], peak: int) -> Float[Array, "b ph pw 3"]:
    return pad_to_multiple(frames.astype(jnp.float32) / peak, BLOCK)


@partial(jax.jit, static_argnums=(0, 2))
def references(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    previous: UInt[Array, "b h w 3"],
    following: UInt[Array, "b h w 3"],
) -> Float[Array, "b r ph pw 3"]:
    model = skeleton.model(arrays)
    return model.references(samples(previous, peak), samples(following, peak))


def shown(
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
    return model.fused(decoded, jax.vmap(partial(samples, peak=peak))(sides), rate.quality)


@partial(jax.jit, static_argnums=(0, 2, 3))
def prior(
    skeleton: Skeleton,
    arrays: Parameters,
    kind: Kind,
    size: Size,
    layers: tuple[IntegerLayer, ...],
    z: Int[Array, "b zh zw c"],
    offsets: Int32[Array, "b m"],
) -> Prior:
    hyperprior = getattr(skeleton.model(arrays), kind).hyperprior
    height, width = size.latent
    mean = hyperprior.mean(z.astype(jnp.float32), height, width)
    indexes = crop(table_indexes(layers, z, offsets), height, width)
    return Prior(mean, indexes.astype(jnp.uint8))


@partial(jax.jit, static_argnums=0)
def scale(
    skeleton: Skeleton, arrays: Parameters, latents: Float[Array, "p b lh lw m"], rate: Rate
) -> Float[Array, "p b lh lw m"]:
    """Predictors, at the rate of the frames to be predicted."""
    return skeleton.model(arrays).image.scale_latent(latents, rate)


@partial(jax.jit, static_argnums=0)
def known(
    skeleton: Skeleton,
    arrays: Parameters,
    y: Int[Array, "b lh lw m"],
    mean: Float[Array, "b lh lw m"],
    rate: Rate,
) -> Float[Array, "b lh lw m"]:
    return skeleton.model(arrays).image.known_latent(y + mean, rate)


@partial(jax.jit, static_argnums=(0, 2))
def predictors_between(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    references: Float[Array, "b r ph pw 3"],
    frames: tuple[UInt[Array, "b h w 3"], UInt[Array, "b h w 3"]],
    known: tuple[Float[Array, "b lh lw m"], Float[Array, "b lh lw m"]],
    rate: Rate,
) -> Float[Array, "p b lh lw m"]:
    """`frames` and the latents `known`: of those before and of those after."""
    model = skeleton.model(arrays)
    before, after = (samples(side, peak) for side in frames)
    still, mean = (before + after) / 2, (known[0] + known[1]) / 2
    foreseen = model.image.foresee(mean, model.between(references), still, rate)
    return jnp.stack([foreseen, *known])


@jax.jit
def predict(
    prior: Prior, predictors: Float[Array, "p b lh lw m"], modes: Integer[Array, "b lh lw"]
) -> Prior:
    return Prior(*prediction.predict(prior.mean, prior.indexes, predictors, modes))


@partial(jax.jit, static_argnums=(0, 2))
def synthesise_image(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    y: Int[Array, "b lh lw m"],
    mean: Float[Array, "b lh lw m"],
    rate: Rate,
    sides: UInt[Array, "s b h w 3"] | None,
) -> list[Float[Array, "b ph pw 3"]]:
    return [shown(skeleton.model(arrays), peak, y + mean, rate, sides)]


@partial(jax.jit, static_argnums=(0, 2))
def pad_for_strips(
    skeleton: Skeleton,
    arrays: Parameters,
    strips: Strips,
    y: Int[Array, "b lh lw m"],
    mean: Float[Array, "b lh lw m"],
    references: Float[Array, "b r ph pw 3"],
    rate: Rate,
) -> tuple[Float[Array, "b fh fw n"], Float[Array, "b r rh rw 3"]]:
    model = skeleton.model(arrays)
    features = model.frame.features(y + mean, rate)
    taps = model.config.kernel_size
    return strips.pad_features(features), strips.pad_references(references, taps)


@partial(jax.jit, static_argnums=(0, 2))
def synthesise_strip(
    skeleton: Skeleton,
    arrays: Parameters,
    strips: Strips,
    features: Float[Array, "b fh fw n"],
    references: Float[Array, "b r rh rw 3"],
    first: Int[Array, ""],
) -> Float[Array, "b sh sw 3"]:
    return strips.synthesise(skeleton.model(arrays).frame, features, references, first)


@partial(jax.jit, static_argnums=(1, 2))
def to_grid(parts: list[Float[Array, "b _ pw 3"]], peak: int, size: Size) -> UInt[Array, "b h w 3"]:
    """The sample grid of the output file: what is rounded here is what later frames refer to."""
    frame = jnp.clip(crop(jnp.concatenate(parts, 1), *size), 0, 1)
    return jnp.rint(frame * peak).astype(jnp.uint8 if peak < 256 else jnp.uint16)
