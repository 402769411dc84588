"""Everything that an evaluation is, declared once. All of it is recorded with the results."""

import dataclasses
from typing import Literal

from kbvc_jax.codec.schedule import GOP_LENGTHS, MAX_GOP
from kbvc_jax.encoder.presets import PRESETS
from kbvc_jax.runtime.errors import InputError

SHIPPED = "shipped"  # the checkpoint that comes with the package
_GOPS = (*map(str, GOP_LENGTHS), "auto")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A sequence as its publisher describes it."""

    name: str
    width: int
    height: int
    frames: int
    rate: int


@dataclasses.dataclass(frozen=True)
class SequenceSet:
    name: str = ""  # empty: the folder's name
    origin: str = ""  # where a missing sequence comes from
    sequences: tuple[Sequence, ...] = ()  # empty: every clip of the folder


@dataclasses.dataclass(frozen=True)
class AnchorConfig:
    # Of x264, x265, x265-medium, x265-lowdelay, svt-av1, vvenc, libaom, vtm, hm.
    codecs: tuple[str, ...] = ("x264", "x265", "x265-medium", "svt-av1")
    # Constant rate factor of x264 and x265, quantiser of VVenC, VTM and HM.
    quantisers: tuple[float, ...] = (17.0, 22.0, 27.0, 32.0, 37.0)
    # AV1 counts from 0 to 63.
    av1_quantisers: tuple[float, ...] = (25.0, 35.0, 45.0, 55.0, 63.0)
    # Encoder binaries and their random-access .cfg files; each decoder lies beside its encoder.
    vtm: str | None = None
    vtm_cfg: str | None = None
    hm: str | None = None
    hm_cfg: str | None = None


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    set: SequenceSet = SequenceSet()
    data: str | None = None  # the folder of the set; None: the bundled clip
    sequences: tuple[str, ...] = ()  # some of the set; empty: all
    frames: int | None = None  # the first so many of each sequence; None: all
    gop: int | Literal["auto"] = 8
    # Frames from one I-frame to the next, of all contenders and anchors; None: one group, with
    # "auto" the longest.
    keyint: int | None = None
    # Groups of this codec to measure besides, each as a contender of its own: 1, 2, 4, ..., auto.
    other_gops: tuple[str, ...] = ()
    # Efforts of its encoder to measure besides that of 0.
    other_efforts: tuple[int, ...] = ()
    # Codecs of B-frames to measure besides the model's own: kernel, predicted.
    other_b_frames: tuple[str, ...] = ()
    # And of P-frames: predicted, moved.
    other_p_frames: tuple[str, ...] = ()
    # Presets of `kbvc encode` to measure besides: fast, best.
    other_presets: tuple[str, ...] = ()
    qualities: tuple[float, ...] = (5.0, 25.0, 50.0, 75.0, 95.0)
    # Inference checkpoints, as NAME=FOLDER or FOLDER; "shipped" are the release weights. Models of
    # one lambda each make one curve: NAME=FOLDER,FOLDER,...
    checkpoints: tuple[str, ...] = (SHIPPED,)
    # Of the release weights only these models, by name (`kbvc models`); empty: the default.
    models: tuple[str, ...] = ()
    anchors: AnchorConfig = AnchorConfig()
    # YUV to RGB; None: as the file says, else BT.709 full range.
    matrix: Literal["601", "709", "2020"] | None = None
    full_range: bool | None = None
    vmaf: bool = False  # needs kbvc-jax[anchors]
    lpips: bool = False  # needs kbvc-jax[lpips]
    # BD-rates are refused where the curves share less than this part of their quality range.
    minimum_overlap: float = 0.5
    interpolation: Literal["pchip", "cubic"] = "pchip"
    # The report's pictures, beside this codec at matched rate: windows (sequence, frame, x, y,
    # width, height); with none given, the most detailed window of the first sequences.
    beside: str = "x265"
    crops: tuple[tuple[str, int, int, int, int, int], ...] = ()
    pictures: int = 3

    @property
    def intra_period(self) -> int:
        return self.keyint or (MAX_GOP if self.gop == "auto" else int(self.gop))


def check(config: EvaluationConfig) -> None:
    """Refuses what could not run, before anything does."""
    if config.gop not in (8, 16, 32, "auto"):
        raise InputError(f"gop={config.gop}: must be 8, 16, 32 or auto")
    if wrong := [gop for gop in config.other_gops if gop not in _GOPS]:
        raise InputError(f"other_gops={wrong[0]}: each must be one of {', '.join(_GOPS)}")
    fixed = [int(gop) for gop in (config.gop, *config.other_gops) if gop != "auto"]
    if max(fixed, default=1) > config.intra_period:
        raise InputError(
            f"keyint={config.intra_period}: groups of {max(fixed)} are asked for; "
            f"must be {max(fixed)} or more"
        )
    if wrong := [effort for effort in config.other_efforts if effort < 1]:
        raise InputError(f"other_efforts={wrong[0]}: each must be at least 1")
    if wrong := [preset for preset in config.other_presets if preset not in PRESETS]:
        raise InputError(f"other_presets={wrong[0]}: each must be one of {', '.join(PRESETS)}")
    if config.frames is not None and config.frames < 1:
        raise InputError(f"frames={config.frames}: must be at least 1, or None for all")
    if wrong := [q for q in config.qualities if not 0 <= q <= 100]:
        raise InputError(f"qualities={wrong[0]:g}: each must be from 0 to 100")
    if wrong := [q for q in config.anchors.quantisers if not 0 <= q <= 51]:
        raise InputError(f"anchors.quantisers={wrong[0]:g}: each must be from 0 to 51")
    if wrong := [q for q in config.anchors.av1_quantisers if not 0 <= q <= 63]:
        raise InputError(f"anchors.av1_quantisers={wrong[0]:g}: each must be from 0 to 63")
    if not 0 < config.minimum_overlap <= 1:
        raise InputError(f"minimum_overlap={config.minimum_overlap}: must be above 0, at most 1")
