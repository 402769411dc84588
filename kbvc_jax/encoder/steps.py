"""The compiled steps that an encoder needs besides those of a decoder (codec/steps.py)."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int16, Int32, Integer, UInt

from kbvc_jax.codec.batch import Latents, Prior
from kbvc_jax.codec.steps import samples, shown
from kbvc_jax.encoder import modes, rounding
from kbvc_jax.encoder.rounding import Prices
from kbvc_jax.models.hyperprior import Rate, soften_given
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.padding import crop
from kbvc_jax.models.parameters import Parameters, Skeleton
from kbvc_jax.ops.densities import scale_table

SYMBOL_LIMIT = 2**15 - 1


@partial(jax.jit, static_argnums=(0, 2))
def analyse(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    frames: UInt[Array, "b h w 3"],
    references: Float[Array, "b r ph pw 3"] | None,
    rate: Rate,
) -> Latents:
    model = skeleton.model(arrays)
    source = samples(frames, peak)
    if references is None:
        codec, y = model.image, model.image.analyse(source, rate)
    else:
        codec, y = model.frame, model.frame.analyse(source, references, rate)
    return Latents(y, codec.hyperprior.hyper_latent(y))


@partial(jax.jit, static_argnums=(0, 2))
def slope(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    latents: Latents,
    frames: UInt[Array, "b h w 3"],
    rate: Rate,
    error_weight: Float[Array, ""],
    prior: Prior | None,
    sides: UInt[Array, "s b h w 3"] | None,
) -> Latents:
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
def error_slope(
    skeleton: Skeleton,
    arrays: Parameters,
    peak: int,
    latent: Float[Array, "b lh lw m"],
    frames: UInt[Array, "b h w 3"],
    rate: Rate,
    error_weight: Float[Array, ""],
    sides: UInt[Array, "s b h w 3"] | None,
) -> Float[Array, "b lh lw m"]:
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
    decoded = crop(shown(model, peak, latent, rate, sides), *frames.shape[1:3])
    return jnp.square(peak * decoded - frames.astype(jnp.float32)).sum()


@jax.jit
def whole(z: Float[Array, "b zh zw c"]) -> Int32[Array, "b zh zw c"]:
    return jnp.clip(jnp.rint(z).astype(jnp.int32), -SYMBOL_LIMIT, SYMBOL_LIMIT)


@jax.jit
def choose_modes(
    y: Float[Array, "b lh lw m"],
    prior: Prior,
    predictors: Float[Array, "p b lh lw m"],
    prices: Prices,
) -> Integer[Array, "b lh lw"]:
    return modes.choose_modes(y, prior.mean, prior.indexes, predictors, prices)


@partial(jax.jit, static_argnums=3)
def keep(
    chosen: Integer[Array, "b lh lw"],
    before: Int[Array, "b zh zw c"],
    z: Int[Array, "b zh zw c"],
    stride: int,
) -> tuple[Bool[Array, "b zh zw"], Int[Array, "b zh zw c"]]:
    """Which z of the frame before are kept, and all z."""
    kept = modes.choose_kept(chosen, stride)
    return kept, jnp.where(kept[..., None], before, z)


@partial(jax.jit, static_argnums=3)
def quantise(
    y: Float[Array, "b lh lw m"], prior: Prior, prices: Prices, weight: float | None
) -> Int16[Array, "b lh lw m"]:
    symbols = rounding.symbols_of(y - prior.mean, prior.indexes, prices, weight)
    return jnp.clip(symbols, -SYMBOL_LIMIT, SYMBOL_LIMIT).astype(jnp.int16)
