"""One model's steps, batch by batch: frames to symbols and back (steps.py has them compiled)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from kbvc_jax.coding.modes import mode_bits
from kbvc_jax.coding.tables import symbol_bits
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.entropy_model import EntropyModel, index_offsets, z_indexes
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.pipeline import steps
from kbvc_jax.pipeline.batch import (
    FrameRates,
    Kind,
    Known,
    Latents,
    Predictors,
    Prior,
    Size,
    Symbols,
)
from kbvc_jax.pipeline.options import Rounding
from kbvc_jax.pipeline.prediction import KEPT_COUNTS, MODE_COUNTS
from kbvc_jax.pipeline.rounding import ERROR_WEIGHT, PREDICTED_ERROR_WEIGHT, Prices
from kbvc_jax.pipeline.skeleton import split
from kbvc_jax.rate import QUALITY_STEPS


class Network:
    """Batched steps of one model; frames are unsigned integers up to `peak`.

    References are None for I-frames; the image codec then does the work, else the frame codec.
    """

    def __init__(self, inference: InferenceModel, bit_depth: int):
        self.inference = inference
        self.peak = 2**bit_depth - 1
        self._skeleton, self._arrays = split(inference.model)
        self._prices = Prices.of(inference.y_tables)

    @property
    def fuses(self) -> bool:
        """Whether predicted frames are joined with their references."""
        return self.inference.model.fusion is not None

    def references(
        self, previous: UInt[Array, "b h w 3"], following: UInt[Array, "b h w 3"]
    ) -> Float[Array, "b r ph pw 3"]:
        return steps.references(self._skeleton, self._arrays, self.peak, previous, following)

    def analyse(
        self, frames: UInt[Array, "b h w 3"], references: Array | None, rates: FrameRates
    ) -> Latents:
        return steps.analyse(
            self._skeleton, self._arrays, self.peak, frames, references, rates.on_device
        )

    def slope(
        self,
        latents: Latents,
        frames: UInt[Array, "b h w 3"],
        rates: FrameRates,
        prior: Prior | None = None,
        predictors: Predictors | None = None,
    ) -> Latents:
        """The gradient of what the image codec's frames cost, softly rounded: where not to go. Of
        predicted frames, under the `prior` that they have."""
        weight = self.error_weight(rates.shared_quality)
        parts = self._skeleton, self._arrays, self.peak, latents, frames
        return steps.slope(*parts, rates.on_device, weight, prior, _sides(predictors))

    def error_slope(
        self,
        latent: Float[Array, "b lh lw m"],
        frames: UInt[Array, "b h w 3"],
        rates: FrameRates,
        predictors: Predictors | None = None,
    ) -> Float[Array, "b lh lw m"]:
        """The gradient of what their errors cost, by the very latent that is decoded."""
        weight = self.error_weight(rates.shared_quality)
        parts = self._skeleton, self._arrays, self.peak, latent, frames
        return steps.error_slope(*parts, rates.on_device, weight, _sides(predictors))

    def error_weight(self, quality: int) -> float:
        """What a squared error of 1 is worth in bits, in one of a pixel's three samples."""
        of_one = lambda_of(quality / QUALITY_STEPS, self.inference.model.config)
        return float(of_one) * (255 / self.peak) ** 2 / 3

    def quantise(
        self,
        latents: Latents,
        rates: FrameRates,
        size: Size,
        rounding: Rounding,
        predictors: Predictors | None = None,
    ) -> tuple[Symbols, Prior]:
        """With predictors, latents are predicted where that is cheaper."""
        z = steps.whole(latents.z)
        prior, modes, kept, weight = self.prior(z, rates, size), None, None, ERROR_WEIGHT
        if predictors is not None:
            weight = PREDICTED_ERROR_WEIGHT
            parts = self._scaled(predictors, rates), self._prices
            # By the z at hand. Chosen again by those that are kept, modes saved too little.
            modes = steps.choose_modes(latents.y, prior, *parts)
            kept, z = steps.keep(modes, predictors.z, z, self.entropy(rates.kind).z_stride)
            prior = steps.predict(self.prior(z, rates, size), parts[0], modes)
        weight = weight if rounding == "rate" else None
        y = steps.quantise(latents.y, prior, self._prices, weight)
        return Symbols(z, y, prior.indexes, modes, kept), prior

    def prior(self, z: Int[Array, "b zh zw c"], rates: FrameRates, size: Size) -> Prior:
        entropy = self.entropy(rates.kind)
        offsets = index_offsets(entropy, rates.quality, rates.places)
        parts = self._skeleton, self._arrays, rates.kind, size, entropy.layers
        return steps.prior(*parts, z, offsets)

    def predict(
        self, prior: Prior, predictors: Predictors, modes: Array, rates: FrameRates
    ) -> Prior:
        return steps.predict(prior, self._scaled(predictors, rates), modes)

    def _scaled(self, predictors: Predictors, rates: FrameRates) -> Float[Array, "p b lh lw m"]:
        return steps.scale(self._skeleton, self._arrays, predictors.latents, rates.on_device)

    def known(self, z: Array, y: Array, prior: Prior, rates: FrameRates) -> Known:
        """Of frames that the image codec made."""
        latents = steps.known(self._skeleton, self._arrays, y, prior.mean, rates.on_device)
        return Known(latents, z)

    def predictors_between(
        self,
        references: Float[Array, "b r ph pw 3"],
        frames: tuple[UInt[Array, "b h w 3"], UInt[Array, "b h w 3"]],
        known: tuple[Known, Known],
        rates: FrameRates,
    ) -> Predictors:
        """Of B-frames: by their references, and by frames on both sides that have latents."""
        latents = tuple(k.latents for k in known)
        parts = self._skeleton, self._arrays, self.peak, references, frames, latents
        latents = steps.predictors_between(*parts, rates.on_device)
        return Predictors(latents, known[0].z, jnp.stack(frames))

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
        predictors: Predictors | None = None,
    ) -> UInt[Array, "b h w 3"]:
        """With predictors, what the image codec shows is fused with their frames."""
        rate = rates.on_device
        if references is None:
            parts = self._skeleton, self._arrays, self.peak, y, prior.mean, rate
            samples = steps.synthesise_image(*parts, _sides(predictors))
        else:
            samples = self._synthesise_strips(y, prior, references, rate)
        return steps.to_grid(samples, self.peak, size)

    def _synthesise_strips(self, y: Array, prior: Prior, references: Array, rate: Rate):
        strips = steps.strips_of(references)
        parts = (self._skeleton, self._arrays, strips)
        padded = steps.pad_for_strips(*parts, y, prior.mean, references, rate)
        return [
            steps.synthesise_strip(*parts, *padded, number * strips.height)
            for number in range(strips.count)
        ]


def _sides(predictors: Predictors | None) -> UInt[Array, "s b h w 3"] | None:
    return None if predictors is None else predictors.frames
