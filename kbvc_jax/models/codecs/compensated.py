"""B-frames by motion compensation: blocks of both references, moved, and what they leave.

references --- vectors of cells --- both moved --- each block both or one --- blend
frame - blend --- encoder --- y --- decoder --- blend + residual ---+
                                                       both moved --- fusion --- frame
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec
from kbvc_jax.models.codecs.contract import WORTH, Choose, Decoded, Latent, Values
from kbvc_jax.models.codecs.fusion import fusion_pictures
from kbvc_jax.models.codecs.motion import blocks
from kbvc_jax.models.codecs.motion.blocks import MOTION, SHOWN
from kbvc_jax.models.codecs.motion.estimation import CELL, Ways
from kbvc_jax.models.codecs.motion.pictures import motion_pictures
from kbvc_jax.models.codecs.motion.search import search
from kbvc_jax.models.codecs.panels import Difference, Panel
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.rate_control import lambda_of

# A bit of motion, and one of what blocks show, has to spare so many times the squared errors that a
# bit of y has to: part of what motion leaves is never coded. Tried out on the validation clips.
MOTION_DEARER, SHOWN_DEARER = 8.0, 2.0


class Context(NamedTuple):
    sides: Float[Array, "2 b h w 3"]  # references; once the motion is known, moved
    blend: Float[Array, "b h w 3"] | None = None  # once it is known what blocks show


class CompensatedCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "residual"
    observes: ClassVar[bool] = True
    first: ClassVar[int] = 2  # the motion, and what blocks show
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {OWN: ("z", "y")}
    error_weight: ClassVar[float | None] = 30.0  # bits worth a squared error of 1

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.motion is not None

    @property
    def latents(self) -> tuple[Latent, ...]:
        sent = blocks.motion_latent(self.size, references=2), blocks.shown_latent(self.size)
        return *sent, *super().latents

    @property
    def observed(self) -> tuple[int, ...]:
        return self.latents[0].shape

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        previous, following = references
        return Context(jnp.stack([previous.frame, following.frame]))

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name == MOTION:
            return context._replace(sides=blocks.moved(context.sides, known[MOTION]))
        if latent.name == SHOWN:
            return context._replace(blend=blocks.blend(context.sides, known[SHOWN]))
        return context

    @classmethod
    def observe(
        cls,
        ways: Ways,
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        worth: float = WORTH,
    ) -> Float[np.ndarray, "b mh mw 4"]:
        return search(ways, references, worth, MOTION_DEARER).astype(np.float32)

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b mh mw 4"],
        context: Context,
        rate: Rate,
    ) -> Values:
        sides = blocks.moved(context.sides, observed)
        worth = lambda_of(rate.quality, self.model.config) * 255**2 / 3
        shown = blocks.choose_shown(frame, sides, worth / SHOWN_DEARER)
        return {MOTION: observed, SHOWN: shown.astype(jnp.float32)}

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: Any, context: Context, rate: Rate
    ) -> Values:
        y = self.network.analyse(frame, *_known(context), rate)
        return {"z": self.network.hyperprior.hyper_latent(y), "y": y}

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name in (MOTION, SHOWN):
            return jnp.zeros((len(rate.level), *latent.shape))
        return super().mean(latent, known, choose, context, rate)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        return Decoded(self.network.synthesise(known["y"], *_known(context), rate), None)

    def pictures(self, known: Values, context: Context, rate: Rate) -> Mapping[str, Panel]:
        sides, blend = _known(context)
        flows = [flow.repeat(CELL, 1).repeat(CELL, 2) for flow in blocks.flows(known[MOTION])]
        shown = self.network.shown(known["y"], blend, rate)
        return {
            **motion_pictures(jnp.stack(flows), sides, blend, blocks.share(known[SHOWN])),
            "residual": Difference(shown - blend),
            **fusion_pictures(shown, self.synthesise(known, context, rate).frame),
        }


def _known(context: Context) -> tuple[Float[Array, "2 b h w 3"], Float[Array, "b h w 3"]]:
    """Once all motion is."""
    assert context.blend is not None
    return context.sides, context.blend
