"""A frame by sent motion, at the small size: what its references show where it has them, and what
that leaves.

references --- sent motion --- both moved --- blend ---+--- fusion --- frame
                                        frame - blend --- y
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec
from kbvc_jax.models.codecs.contract import WORTH, Choose, Decoded, Latent, Values
from kbvc_jax.models.codecs.fusion import fusion_pictures
from kbvc_jax.models.codecs.motion.estimation import CELL, Source, Ways, observe
from kbvc_jax.models.codecs.motion.network import MotionNetwork, Moved
from kbvc_jax.models.codecs.motion.pictures import motion_pictures
from kbvc_jax.models.codecs.panels import Difference, Panel
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.padding import BLOCK
from kbvc_jax.models.rate_control import lambda_of
from kbvc_jax.ops.smoothing import certainty, smooth

MOTION, MOTION_Z = "motion", "motion_z"


class Context(NamedTuple):
    sides: Float[Array, "2 b h w 3"]  # references; one serves as both
    moved: Moved | None = None  # once the motion is known


class MotionCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "residual"
    observes: ClassVar[bool] = True
    first: ClassVar[int] = 2  # the motion's
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {
        MOTION: (MOTION_Z, MOTION),
        OWN: ("z", "y"),
    }
    error_weight: ClassVar[float | None] = (
        30.0  # bits worth a squared error of 1, of motion as of y
    )

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.motion is not None

    @property
    def motion(self) -> MotionNetwork:
        return self.model.motion

    @property
    def observed(self) -> tuple[int, ...]:
        height, width = (size * BLOCK // CELL for size in self.size.blocks)
        return 2, height, width, 2

    def context(self, references: Sequence[Decoded], rate: Rate) -> Context:
        return Context(jnp.stack([references[0].frame, references[-1].frame]))

    def learn(self, latent: Latent, known: Values, context: Context, rate: Rate) -> Context:
        if latent.name != MOTION:
            return context
        moved = self.motion.synthesise(known[MOTION], context.sides, rate)
        return context._replace(moved=moved)

    def moved(self, context: Context) -> Moved:
        """Once the motion is known."""
        assert context.moved is not None
        return context.moved

    @classmethod
    def observe(
        cls,
        ways: Ways,
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        worth: float = WORTH,
    ) -> Float[np.ndarray, "b 2 mh mw 2"]:
        # Its encoder takes the flow as it is: the one to what is decoded.
        ends = [[Source(frame) for frame in side] for side in references]
        pairs = [zip(*side, strict=True) for side in zip(ways, ends, strict=True)]
        return observe([[[*way[:-1], end] for way, end in side] for side in pairs])

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: Any, context: Context, rate: Rate
    ) -> Values:
        moved = self.moved(context)
        y = self.network.analyse(frame, moved.sides, moved.blend, rate)
        return {"z": self.network.hyperprior.hyper_latent(y), "y": y}

    def analyse_first(
        self,
        frame: Float[Array, "b h w 3"],
        observed: Float[Array, "b 2 mh mw 2"],
        context: Context,
        rate: Rate,
    ) -> Values:
        smooth = self.smoothed(observed, frame, rate)
        motion = self.motion.analyse(frame, context.sides, smooth, rate)
        return {MOTION_Z: self.motion.hyperprior.hyper_latent(motion), MOTION: motion}

    def smoothed(
        self, observed: Float[Array, "b 2 mh mw 2"], frame: Float[Array, "b h w 3"], rate: Rate
    ) -> Float[Array, "b 2 mh mw 2"]:
        """As finely as the frame shows it: of the blend either side is half."""
        weight = lambda_of(rate.quality, self.model.config) * 255**2 / 4
        shown = certainty(frame, weight, CELL).repeat(2, 0)
        smoothed = smooth(observed.reshape(-1, *observed.shape[2:]), shown)
        return jax.lax.stop_gradient(smoothed.reshape(observed.shape))

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Context, rate: Rate
    ) -> Float[Array, "b ..."]:
        if latent.name == MOTION:
            return self.motion.mean(known[MOTION_Z], *self.size.blocks, choose)
        return super().mean(latent, known, choose, context, rate)

    def synthesise(self, known: Values, context: Context, rate: Rate) -> Decoded:
        moved = self.moved(context)
        shown = self.network.synthesise(known["y"], moved.sides, moved.blend, rate)
        return Decoded(shown, None)

    def pictures(self, known: Values, context: Context, rate: Rate) -> Mapping[str, Panel]:
        moved = self.moved(context)
        shown = self.network.shown(known["y"], moved.blend, rate)
        fused = self.synthesise(known, context, rate).frame
        return {
            **motion_pictures(moved.flows, moved.sides, moved.blend, moved.share),
            "residual": Difference(shown - moved.blend),
            **fusion_pictures(shown, fused),
        }
