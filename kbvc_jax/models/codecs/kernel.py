"""The motion-free B-frame codec (Figure 3): one auto-encoder, six kernel heads, no motion.

frame, references --- encoder --- x gain --- quantiser + hyperprior --- / gain --- trunk
                                                                                     |
references ------------------- equation 1 <--- a pair of 1-D kernels each --- kernel heads
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from kbvc_jax.models.codecs.around_hyperprior import HyperpriorCodec, LatentNetwork
from kbvc_jax.models.codecs.contract import Decoded, Values
from kbvc_jax.models.codecs.kernel_pictures import kernel_pictures
from kbvc_jax.models.codecs.kernel_strips import MARGIN, synthesise_in_strips
from kbvc_jax.models.codecs.panels import Panel
from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.layers import (
    Convolution,
    UpsampledConvolution,
    downsampling,
    rectify,
    together,
    upsampling,
)


class KernelHead(nnx.Module):
    """From the trunk's features at half resolution to one 1-D kernel for each pixel.

    `narrow`, its first convolution, runs for all heads at once: see KernelNetwork.
    """

    def __init__(
        self, config: ModelConfig, n: int, centre: float, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        k, taps = config.head_channels, config.kernel_size
        self.narrow = Convolution(n, k, 3, dtype=dtype, rngs=rngs)
        self.taps = Convolution(k, taps, 3, dtype=dtype, rngs=rngs)
        self.refine = UpsampledConvolution(taps, taps, 3, gain=1.0, dtype=dtype, rngs=rngs)
        # Step 0 returns a known mixture of the references: a delta scaled by `centre`.
        self.refine.kernel[...] = jnp.zeros_like(self.refine.kernel[...])
        self.refine.bias[...] = jnp.zeros(taps).at[taps // 2].set(centre)

    def __call__(self, narrowed: Float[Array, "b h w k"]) -> Float[Array, "b 2*h 2*w taps"]:
        x = rectify(self.taps(rectify(narrowed)))
        return self.refine(x).astype(jnp.float32)

    def strip(
        self, narrowed: Float[Array, "b m w k"], row: Int[Array, "m"], rows: int
    ) -> Float[Array, "b s 2*w taps"]:
        """The same for a strip with MARGIN rows more on both sides, `row` their numbers.

        Outside the frame the first two convolutions see zeros, the last the outermost row.
        """
        inside = ((row >= 0) & (row < rows))[:, None, None]
        x = rectify(self.taps(rectify(narrowed) * inside))
        nearest = jnp.clip(jnp.clip(row, 0, rows - 1) - row[0], 0, len(row) - 1)
        x = self.refine(jnp.take(x, nearest, axis=1))
        return x[:, 2 * MARGIN : -2 * MARGIN].astype(jnp.float32)


def _pairs(kernels: Sequence[Float[Array, "b h w taps"]]) -> tuple[Array, Array]:
    vertical, horizontal = kernels[: len(kernels) // 2], kernels[len(kernels) // 2 :]
    return jnp.stack(vertical, 1), jnp.stack(horizontal, 1)


class KernelNetwork(LatentNetwork):
    LEVELS = range(1, 3)  # inner B-frames, leaves

    def __init__(self, config: ModelConfig, own: CodecConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        r = config.references
        super().__init__(config, own, self.LEVELS, dtype, rngs)
        m, n = own.latent_channels, own.hidden_channels
        self.taps = config.kernel_size
        self.encoder = downsampling(3 * (1 + r), *n, m, dtype=dtype, rngs=rngs)
        self.trunk = upsampling(m, *reversed(n), dtype=dtype, rngs=rngs)
        # The interpolated frame starts as the output; without it, the mean of the other two.
        # A zero vertical kernel would be a saddle: only horizontal ones start at zero.
        shares = (0.0, 0.0, 1.0) if config.interpolate else (0.5, 0.5)
        self.vertical = nnx.List([KernelHead(config, n[0], 1.0, dtype, rngs) for _ in shares])
        self.horizontal = nnx.List(
            [KernelHead(config, n[0], share, dtype, rngs) for share in shares]
        )

    def analyse(
        self, frame: Float[Array, "b h w 3"], references: Float[Array, "b r h w 3"], rate: Rate
    ) -> Float[Array, "b lh lw m"]:
        stack = [frame, *jnp.moveaxis(references, 1, 0)]
        return self.scale_latent(self.encoder(jnp.concatenate(stack, -1) - 0.5), rate)

    def features(self, latent: Float[Array, "b lh lw m"], rate: Rate) -> Float[Array, "b fh fw n"]:
        """What all heads see, at half resolution."""
        return rectify(self.trunk(self.unscale_latent(latent, rate)))

    def kernels(self, features: Float[Array, "b fh fw n"]) -> tuple[Array, Array]:
        """Vertical and horizontal kernels, each (b, r, h, w, taps)."""
        return _pairs([head(x) for head, x in self._narrowed(features)])

    def strip_kernels(
        self, features: Float[Array, "b m w n"], row: Int[Array, "m"], rows: int
    ) -> tuple[Array, Array]:
        """Of a strip: see strips.py."""
        return _pairs([head.strip(x, row, rows) for head, x in self._narrowed(features)])

    def _narrowed(self, features: Array) -> list[tuple[KernelHead, Array]]:
        """Each head with what its first convolution makes of the features."""
        heads = [*self.vertical, *self.horizontal]
        narrowed = together([head.narrow for head in heads], features)
        return list(zip(heads, narrowed, strict=True))


class KernelCodec(HyperpriorCodec):
    OWN: ClassVar[str] = "frame"
    priors: ClassVar[Mapping[str, tuple[str, str]]] = {OWN: ("z", "y")}
    levels: ClassVar[range] = KernelNetwork.LEVELS
    refined: ClassVar[bool] = False  # kernels of all pixels would be in memory at once

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        return config.frame is not None

    def context(self, references: Sequence[Decoded], rate: Rate) -> Float[Array, "b r h w 3"]:
        previous, following = references
        return self.model.references(previous.frame, following.frame)

    def analyse(
        self,
        frame: Float[Array, "b h w 3"],
        observed: None,
        context: Float[Array, "b r h w 3"],
        rate: Rate,
    ) -> Values:
        y = self.network.analyse(frame, context, rate)
        return {"z": self.network.hyperprior.hyper_latent(y), "y": y}

    def synthesise(self, known: Values, context: Float[Array, "b r h w 3"], rate: Rate) -> Decoded:
        features = self.network.features(known["y"], rate)
        return Decoded(synthesise_in_strips(self.network, features, context), None)

    def pictures(
        self, known: Values, context: Float[Array, "b r h w 3"], rate: Rate
    ) -> Mapping[str, Panel]:
        features = self.network.features(known["y"], rate)
        return kernel_pictures(self.network, features, context)
