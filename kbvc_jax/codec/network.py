"""What a decoder does with one model, batch by batch (steps.py has it compiled)."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import (
    FrameRates,
    Kind,
    Known,
    Predictors,
    Prior,
    Size,
)
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.entropy_model import EntropyModel, index_offsets, z_indexes
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.parameters import split


class Network:
    """Batched steps of one model; frames are unsigned integers up to `peak`.

    References are None for I-frames; the image codec then does the work, else the frame codec.
    """

    def __init__(self, inference: InferenceModel, bit_depth: int):
        self.inference = inference
        self.peak = 2**bit_depth - 1
        self.skeleton, self.arrays = split(inference.model)

    def references(
        self, previous: UInt[Array, "b h w 3"], following: UInt[Array, "b h w 3"]
    ) -> Float[Array, "b r ph pw 3"]:
        return steps.references(self.skeleton, self.arrays, self.peak, previous, following)

    def prior(self, z: Int[Array, "b zh zw c"], rates: FrameRates, size: Size) -> Prior:
        entropy = self.entropy(rates.kind)
        offsets = index_offsets(entropy, rates.quality, rates.places)
        parts = self.skeleton, self.arrays, rates.kind, size, entropy.layers
        return steps.prior(*parts, z, offsets)

    def predict(
        self, prior: Prior, predictors: Predictors, modes: Array, rates: FrameRates
    ) -> Prior:
        return steps.predict(prior, self.scaled(predictors, rates), modes)

    def scaled(self, predictors: Predictors, rates: FrameRates) -> Float[Array, "p b lh lw m"]:
        return steps.scale(self.skeleton, self.arrays, predictors.latents, rates.on_device)

    def known(self, z: Array, y: Array, prior: Prior, rates: FrameRates) -> Known:
        """Of frames that the image codec made."""
        latents = steps.known(self.skeleton, self.arrays, y, prior.mean, rates.on_device)
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
        parts = self.skeleton, self.arrays, self.peak, references, frames, latents
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
            parts = self.skeleton, self.arrays, self.peak, y, prior.mean, rate
            samples = steps.synthesise_image(*parts, sides(predictors))
        else:
            samples = self._synthesise_strips(y, prior, references, rate)
        return steps.to_grid(samples, self.peak, size)

    def _synthesise_strips(self, y: Array, prior: Prior, references: Array, rate: Rate):
        strips = steps.strips_of(references)
        parts = (self.skeleton, self.arrays, strips)
        padded = steps.pad_for_strips(*parts, y, prior.mean, references, rate)
        return [
            steps.synthesise_strip(*parts, *padded, number * strips.height)
            for number in range(strips.count)
        ]


def sides(predictors: Predictors | None) -> UInt[Array, "s b h w 3"] | None:
    return None if predictors is None else predictors.frames
