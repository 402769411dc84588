"""Latents predicted in time: by the image codec, block by block, from what is known of the frame.

A mode says of each position of the latent what its mean is:
    0                 what z tells, as in an I-frame;
    1 + 3 p + c       that of predictor p there; tables are NARROWER[c] below those of z's scales,
                      which say how large the latent is, not what is new of it.
The one predictor of a P-frame is the frame before it. A B-frame has three. The first is foreseen:
the mean of both references, so that what stands still is copied, plus what moves, by what the
interpolated frame's latent differs from that of their mean, about. Then either of them alone, for
what the other does not show. Where all latents under a z are predicted, the one before's is kept.
The picture is fused with its references (fusion.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Integer

from kbvc_jax.models.codecs.contract import Choose, Decoded, Latent, Size, Symbols, Values
from kbvc_jax.models.codecs.fusion import fusion_pictures
from kbvc_jax.models.codecs.image import ImageCodec, Memory
from kbvc_jax.models.codecs.modes import choose_modes, lowered
from kbvc_jax.models.codecs.panels import Choice, Names, Panel
from kbvc_jax.models.codecs.rounding import gaussian_prices
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.entropy_model import certain_index
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.ops.densities import INDEXES_AN_OCTAVE, SCALE_MAX
from kbvc_jax.runtime.errors import InputError

ERROR_WEIGHT = 30.0  # bits worth a squared error of 1: docs/design.md
NARROWER = (63, 8, 3)  # by so many of 64 tables; that of index 0 makes its symbol certain
PREDICTORS = 3  # at most
# How often each mode counts as seen at first: most are copies of the first predictor.
MODE_COUNTS = (16, 64, 4, 4, 8, 2, 2, 8, 2, 2)


class Predictors(NamedTuple):
    """What predicts frames: latents, of which each position takes one, z where it is kept, and the
    frames that they are fused with."""

    latents: Float[Array, "p b lh lw m"]  # at the frames' own gains
    z: Int[Array, "b zh zw c"]
    frames: Float[Array, "s b h w 3"]  # of one side or both


class PredictedCodec(ImageCodec):
    needs_memory: ClassVar[bool] = True
    keeps: ClassVar[type | None] = Memory
    analysed_as: ClassVar[str | None] = ImageCodec.OWN
    error_weight: ClassVar[float] = ERROR_WEIGHT

    @classmethod
    def fuses(cls, config: ModelConfig) -> bool:
        return config.fusion_channels > 0

    @classmethod
    def recalled(cls, memory: Any, config: ModelConfig, size: Size) -> Memory:
        if not isinstance(memory, Memory):
            raise InputError("damaged stream: a predicted frame refers to one of another codec")
        return memory

    @property
    def latents(self) -> tuple[Latent, ...]:
        return Latent("modes", self.size.blocks, counts=MODE_COUNTS), *super().latents

    def context(self, references: Sequence[Decoded], rate: Rate) -> Predictors:
        known: list[Memory] = [reference.memory for reference in references]
        frames = jnp.stack([reference.frame for reference in references])
        latents = jnp.stack([memory.latent for memory in known])
        if len(references) > 1:
            between = self.model.between(*frames)
            foreseen = self.network.foresee(latents.mean(0), between, frames.mean(0), rate)
            latents = jnp.concatenate([foreseen[None], latents])
        return Predictors(self.network.scale_latent(latents, rate), known[0].z, frames)

    def settle(self, exact: Values, context: Predictors, rate: Rate) -> Values:
        """Modes are chosen by the z at hand; by the one that is kept they saved too little."""
        z = jnp.rint(exact["z"])
        mean = self.network.hyperprior.mean(z, *self.size.blocks)
        if self._integers is None:
            scale = jnp.exp2(self.network.hyperprior.log2_scale(z, rate, *self.size.blocks))
            indexes = Gaussian(scale).indexes
        else:
            indexes = self.y_tables(self.OWN, z.astype(jnp.int32), rate)
        modes = choose_modes(
            exact["y"],
            mean,
            indexes,
            context.latents,
            NARROWER,
            gaussian_prices(),
            self.error_weight,
        )
        return {"modes": modes.astype(jnp.float32), **exact}

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Predictors, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name == "modes":
            return jnp.zeros((len(rate.level), *latent.shape))
        modes = known["modes"].astype(jnp.int32)
        if latent.name == "z":
            return jnp.where(self._kept(modes)[..., None], context.z, 0).astype(jnp.float32)
        told = self.network.hyperprior.mean(known["z"], *self.size.blocks)
        which = jnp.clip((modes - 1) // len(NARROWER), 0, len(context.latents) - 1)
        predicted = jnp.take_along_axis(context.latents, which[None, ..., None], 0)[0]
        return jnp.where(modes[..., None] > 0, predicted, told)

    def density(
        self, latent: Latent, known: Values, context: Predictors, rate: Rate
    ) -> Gaussian | Learned:
        modes = known["modes"].astype(jnp.int32)
        if latent.name == "z":
            return Learned(self.network.hyperprior, rate, self._kept(modes))
        told = super().density(latent, known, context, rate)
        assert isinstance(told, Gaussian)
        narrower = jnp.exp2(-_narrower(modes) / INDEXES_AN_OCTAVE)
        return Gaussian(jnp.minimum(told.scale, SCALE_MAX) * narrower[..., None])

    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Memory], rate: Rate
    ) -> Integer[Array, "b ..."]:
        kept = self._kept(symbols["modes"])[..., None]
        if latent.name == "z":
            told = super().tables(latent, symbols, memories, rate)
            return jnp.where(kept, certain_index(self.integers(self.OWN)), told)
        z = symbols["z"] + jnp.where(kept, memories[0].z, 0)
        indexes = self.y_tables(self.OWN, z, rate)
        return lowered(indexes, _narrower(symbols["modes"])[..., None])

    def before_fusion(self, known: Values, context: Any, rate: Rate) -> Decoded:
        return Decoded(self.network.synthesise(known["y"], rate), self.memory(known, rate))

    def synthesise(self, known: Values, context: Predictors, rate: Rate) -> Decoded:
        frame, memory = self.before_fusion(known, context, rate)
        return Decoded(self.model.fused(frame, context.frames, rate.quality), memory)

    def pictures(self, known: Values, context: Any, rate: Rate) -> Mapping[str, Panel]:
        shown: dict[str, Panel] = {"modes": self.shown_modes(known, context)}
        if self.model.fusion is not None:
            decoded = self.before_fusion(known, context, rate).frame
            shown |= fusion_pictures(decoded, self.synthesise(known, context, rate).frame)
        return shown

    def shown_modes(self, known: Values, context: Any) -> Choice:
        return Choice(known["modes"].astype(jnp.int32), self._mode_names(context))

    def predictor_names(self, context: Any) -> tuple[str, ...]:
        """In the order of the modes."""
        return ("previous",) if len(context.latents) == 1 else ("foreseen", "previous", "following")

    def _mode_names(self, context: Any) -> Names:
        kinds = ("copy of {}", "{}, close", "{}")
        names = [kind.format(name) for name in self.predictor_names(context) for kind in kinds]
        return Names(("by z", *names))

    def _kept(self, modes: Integer[Array, "b lh lw"]) -> Bool[Array, "b zh zw"]:
        """The positions of z all of whose latents are predicted: nothing asks for their mean, and
        their scales are about those of the one before."""
        stride = self.network.hyperprior.stride
        (height, width), (rows, columns) = self.size.blocks, self.size.cells(stride)
        edges = (0, 0), (0, rows * stride - height), (0, columns * stride - width)
        predicted = jnp.pad(modes > 0, edges, constant_values=True)
        return predicted.reshape(-1, rows, stride, columns, stride).all((2, 4))


def _narrower(modes: Integer[Array, "b lh lw"]) -> Int[Array, "b lh lw"]:
    """By how many tables in each mode."""
    return jnp.array((0, *NARROWER * PREDICTORS), jnp.int32)[modes]
