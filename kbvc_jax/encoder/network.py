"""What an encoder does with one model besides decoding, batch by batch."""

import jax
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.codec import steps as decoding
from kbvc_jax.codec.batch import FrameRates, Latents, Predictors, Prior, Size, Symbols
from kbvc_jax.codec.network import Network, sides
from kbvc_jax.codec.prediction import KEPT_COUNTS, MODE_COUNTS
from kbvc_jax.coding.modes import mode_bits
from kbvc_jax.coding.tables import symbol_bits
from kbvc_jax.encoder import steps
from kbvc_jax.encoder.options import Rounding
from kbvc_jax.encoder.rounding import ERROR_WEIGHT, PREDICTED_ERROR_WEIGHT, Prices
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.rate import Quality, number_of


class EncoderNetwork(Network):
    """The steps of a decoder, and those that steps.py beside this has."""

    def __init__(self, inference: InferenceModel, bit_depth: int):
        super().__init__(inference, bit_depth)
        self._prices = Prices.of(inference.y_tables)

    def analyse(
        self, frames: UInt[Array, "b h w 3"], references: Array | None, rates: FrameRates
    ) -> Latents:
        return steps.analyse(
            self.skeleton, self.arrays, self.peak, frames, references, rates.on_device
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
        parts = self.skeleton, self.arrays, self.peak, latents, frames
        return steps.slope(*parts, rates.on_device, weight, prior, sides(predictors))

    def error_slope(
        self,
        latent: Float[Array, "b lh lw m"],
        frames: UInt[Array, "b h w 3"],
        rates: FrameRates,
        predictors: Predictors | None = None,
    ) -> Float[Array, "b lh lw m"]:
        """The gradient of what their errors cost, by the very latent that is decoded."""
        weight = self.error_weight(rates.shared_quality)
        parts = self.skeleton, self.arrays, self.peak, latent, frames
        return steps.error_slope(*parts, rates.on_device, weight, sides(predictors))

    def error_weight(self, quality: Quality) -> float:
        """What a squared error of 1 is worth in bits, in one of a pixel's three samples."""
        of_one = lambda_of(number_of(quality), self.inference.model.config)
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
            parts = self.scaled(predictors, rates), self._prices
            # By the z at hand. Chosen again by those that are kept, modes saved too little.
            modes = steps.choose_modes(latents.y, prior, *parts)
            kept, z = steps.keep(modes, predictors.z, z, self.entropy(rates.kind).z_stride)
            prior = decoding.predict(self.prior(z, rates, size), parts[0], modes)
        weight = weight if rounding == "rate" else None
        y = steps.quantise(latents.y, prior, self._prices, weight)
        return Symbols(z, y, prior.indexes, modes, kept), prior

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
