"""The shape of the network, declared once. Letters as in the paper (Figure 3)."""

import dataclasses
from typing import Literal

# Of latents to symbols: the nearest integers, as in the paper, or what costs less
# (codecs/rounding.py).
Rounding = Literal["nearest", "rate"]


@dataclasses.dataclass(frozen=True)
class InterpolatorConfig:
    """IFRNet-S: channels of the four pyramid levels, fine to coarse."""

    channels: tuple[int, ...] = (24, 36, 54, 72)
    side_channels: int = 24  # the part of a residual block that is refined twice
    # Flows begin at the motion under which both frames match (ops/matching.py), not at none.
    matched: bool = False


@dataclasses.dataclass(frozen=True)
class CodecConfig:
    """An auto-encoder and its hyperprior."""

    hidden_channels: tuple[int, int, int] = (96, 96, 96)  # N, at 1/2, 1/4 and 1/8 of the frame
    latent_channels: int = 128  # M, at 1/16
    # Of the hyperprior's layers, each at half the resolution of the one before; the last is z.
    hyper_channels: tuple[int, ...] = (128, 128, 128)


@dataclasses.dataclass(frozen=True)
class MotionConfig:
    """Sent motion, at the small size (codecs/motion)."""

    channels: int = 24  # of a direction's latent, at 1/16
    hidden_channels: int = 48
    hyper_channels: tuple[int, ...] = (48, 48)
    interaction: bool = True  # of both directions; False: the paper's ablation
    segments: int = 4  # of a latent: 1, 2 or 4
    weighted: bool = True  # bi-directional weights of the blend; False: one half, the ablation
    # What is left of the frame, and what joins it with both moved references (codecs/fusion.py).
    residual: CodecConfig = CodecConfig((32, 64, 96), latent_channels=256, hyper_channels=(96, 96))
    fusion_channels: int = 24


@dataclasses.dataclass(frozen=True)
class FineConfig:
    """The second paper's network (codecs/motion/fine). All but the sizes are its ablations."""

    flow_channels: tuple[int, ...] = (32, 64, 32, 16)
    motion_channels: int = 64  # of a direction's latent, at 1/16
    context_channels: tuple[int, int, int] = (48, 64, 96)  # at 1/2, 1/4 and 1/8
    latent_channels: int = 128  # y, at 1/16
    interaction: bool = True
    segments: int = 4  # of both latents: 1, 2 or 4
    selection: Literal["convex", "independent", "half", "joined"] = "convex"
    alignment: bool = True
    predictor: bool = True


@dataclasses.dataclass(frozen=True)
class SsfConfig:
    """Scale-space flow (codecs/ssf.py), of the published size."""

    motion: CodecConfig = CodecConfig((128, 128, 128), 192, (192, 192, 192))
    residual: CodecConfig = CodecConfig((128, 128, 128), 192, (192, 192, 192))
    levels: int = 5  # of the scale-space volume, beside the frame itself
    sigma: float = 1.5  # of the first one's blur; each next has twice that


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    image: CodecConfig = CodecConfig()
    frame: CodecConfig | None = CodecConfig()  # the kernel codec's; None: no such codec
    head_channels: int = 64  # K
    kernel_size: int = 31  # KS, taps of each 1-D kernel
    interpolate: bool = True  # False: two references, four heads (the paper's ablation)
    interpolator: InterpolatorConfig = InterpolatorConfig()
    # The codec of B-frames, by name (codecs/registry.py), and that of P-frames. Of several, with
    # commas between, an encoder chooses for each depth, or P-frame; it may ask for another one.
    # None: the model has P-frames alone, low delay.
    b_frames: str | None = "kernel"
    p_frames: str = "predicted"
    # The Lagrange weight of a model for one rate, as in the paper: no gains, no quality to choose.
    # None: one model for every quality.
    fixed_lambda: float | None = None
    quality_points: int = 8  # knots of the gain curves over quality 0..100
    # With gains: beside the image codec's network a linear transform of blocks, for what it leaves
    # out. Wanted where lambdas are high.
    block_transform: bool = False
    # Hidden channels of what joins predicted frames with their references (codecs/fusion.py); 0: no
    # such thing, as in the paper.
    fusion_channels: int = 0
    motion: MotionConfig | None = None  # None: no codec that sends it
    fine: FineConfig | None = None  # None: not the second paper's
    ssf: SsfConfig | None = None  # None: no scale-space flow
    # Lagrange weights of 255^2 * MSE against bits a pixel at quality 0 and 100, log-spaced between.
    lambda_min: float = 0.0003
    lambda_max: float = 0.08

    @property
    def gains(self) -> bool:
        return self.fixed_lambda is None

    @property
    def inter_codecs(self) -> tuple[str, ...]:
        """The codecs of what lies between I-frames."""
        return tuple((self.b_frames or self.p_frames).split(","))

    @property
    def inter_codec(self) -> str:
        """The first of them, which training takes where it does not say."""
        return self.inter_codecs[0]

    @property
    def references(self) -> int:
        return 3 if self.interpolate else 2
