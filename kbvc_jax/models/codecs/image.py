"""The I-frame codec: the auto-encoder that opens and closes each group of pictures.

frame --- encoder --- x gain --- quantiser + hyperprior --- / gain --- decoder --- frame

The encoder alone is no good inverse of the decoder: its latent's picture lacks detail that another
latent would show. Feedback asks the decoder for that picture, and adds to the latent what it has
and the picture's own has not; the more of it the higher the quality. And no network of few channels
keeps the finest detail: a linear transform of what is missing, block by block, goes beside both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec, LatentNetwork
from kbvc_jax.models.codecs.contract import Decoded, Values
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import Convolution, downsampling, upsampling
from kbvc_jax.models.rate_control import feedback_curve
from kbvc_jax.ops.convolution import depth_to_space, space_to_depth


class Memory(NamedTuple):
    """What may predict the latents of other frames."""

    latent: Float[Array, "b lh lw m"]  # before its gain
    z: Int[Array, "b zh zw c"]


class ImageNetwork(LatentNetwork):
    LEVELS = range(0, 1)

    def __init__(self, config: ModelConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        own = config.image
        super().__init__(config, own, self.LEVELS, dtype, rngs)
        m, n = own.latent_channels, own.hidden_channels
        self.encoder = downsampling(3, *n, m, dtype=dtype, rngs=rngs)
        self.decoder = upsampling(m, *reversed(n), 3, dtype=dtype, rngs=rngs)
        self.feedback = feedback_curve(config, m, self.LEVELS) if config.gains else None
        self.block = 2 ** (len(n) + 1)  # pixels of a position of the latent, each way
        samples = 3 * self.block**2
        blocks = config.gains and config.block_transform  # the encoder's part is in its feedback
        self.block_encoder = Convolution(samples, m, 1, dtype=dtype, rngs=rngs) if blocks else None
        self.block_decoder = Convolution(m, samples, 1, dtype=dtype, rngs=rngs) if blocks else None

    def analyse(self, frame: Float[Array, "b h w 3"], rate: Rate) -> Float[Array, "b lh lw m"]:
        latent = self._encode(frame, rate)
        if self.feedback is None:
            return latent
        shown = self.synthesise(latent, rate)
        missing = latent - self._encode(shown, rate)
        told = latent + missing * self.feedback(rate.quality, rate.level)[:, None, None]
        return told + self._detail(frame - shown, rate)

    def sketch(self, frame: Float[Array, "b h w 3"], rate: Rate) -> Float[Array, "b lh lw m"]:
        """In one pass, with no picture to compare: what differs between the sketches of two frames
        is about what differs between their latents."""
        return self._encode(frame, rate) + self._detail(frame, rate)

    def foresee(
        self,
        known: Float[Array, "b lh lw m"],
        moved: Float[Array, "b h w 3"],
        still: Float[Array, "b h w 3"],
        rate: Rate,
    ) -> Float[Array, "b lh lw m"]:
        """What is known of `still`, and what the moved picture's sketch has besides; both before
        their gains."""
        both = jax.tree.map(lambda part: jnp.concatenate([part, part]), rate)
        sketches = self.sketch(jnp.concatenate([moved, still]), both)
        moved, still = jnp.split(sketches, 2)
        return known + self.known_latent(moved - still, rate)

    def _detail(self, frame: Float[Array, "b h w 3"], rate: Rate) -> Array | float:
        if self.block_encoder is None:
            return 0.0
        return self.scale_latent(self.block_encoder(space_to_depth(frame, self.block)), rate)

    def _encode(self, frame: Float[Array, "b h w 3"], rate: Rate) -> Float[Array, "b lh lw m"]:
        return self.scale_latent(self.encoder(frame - 0.5), rate)

    def synthesise(self, latent: Float[Array, "b lh lw m"], rate: Rate) -> Float[Array, "b h w 3"]:
        latent = self.unscale_latent(latent, rate)
        frame = self.decoder(latent)
        if self.block_decoder is not None:
            frame += depth_to_space(self.block_decoder(latent), self.block)
        return frame.astype(jnp.float32) + 0.5


class ImageCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "image"
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {OWN: ("z", "y")}
    levels: ClassVar[range] = ImageNetwork.LEVELS

    def context(self, references: Sequence[Decoded], rate: Rate) -> None:
        """Nothing: an image is coded alone."""

    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: Any, context: Any, rate: Rate
    ) -> Values:
        y = self.network.analyse(frame, rate)
        return {"z": self.network.hyperprior.hyper_latent(y), "y": y}

    def synthesise(self, known: Values, context: None, rate: Rate) -> Decoded:
        return Decoded(self.network.synthesise(known["y"], rate), self.memory(known, rate))

    def memory(self, known: Values, rate: Rate) -> Memory:
        latent = self.network.known_latent(known["y"], rate)
        return Memory(latent, jnp.rint(known["z"]).astype(jnp.int32))
