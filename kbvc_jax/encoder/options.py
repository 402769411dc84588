"""What an encoder may be asked for, declared once for Python, `kbvc encode` and evaluations."""

import dataclasses
from typing import get_args

from kbvc_jax.codec.schedule import MAX_GOP
from kbvc_jax.models.codecs import numbers as codecs
from kbvc_jax.models.config import ModelConfig, Rounding
from kbvc_jax.rate import MAX_QUALITY, Quality, quality_of
from kbvc_jax.runtime.errors import InputError

DEFAULT_QUALITY = 50.0


@dataclasses.dataclass(frozen=True)
class EncoderOptions:
    """None leaves the choice to the model: see `resolved`."""

    quality: float | None = None
    """0 to 100; 50, or nothing to choose in a model for one lambda."""
    gop: int | str = 8
    """Frames from one closing frame to the next, or "auto"; in a model of P-frames alone from one
    I-frame to the next."""
    keyint: int | None = None
    """Frames from one I-frame to the next, at most; 32, or in a model of one lambda a group, as in
    the paper."""
    effort: int = 0
    """Steps of refinement."""
    b_frames: str | None = None
    """The codec of B-frames; of several, with commas between, each depth of a group has the one
    that codes its first frames best. None: as the model is made for."""
    p_frames: str | None = None
    """The codec of P-frames; of several each has the one that codes it best. None: as the model is
    made for."""
    rounding: Rounding | None = None
    """Symbols: "nearest" integers, as in the paper and by default for models of one lambda; or by
    "rate", rate-distortion optimised quantisation."""

    def __post_init__(self):
        if self.quality is not None and not 0 <= self.quality <= MAX_QUALITY:
            raise InputError(f"quality {self.quality:g}: must be from 0 to {MAX_QUALITY}")
        if not (self.auto or (isinstance(self.gop, int) and 1 <= self.gop <= MAX_GOP)):
            raise InputError(f"gop {self.gop}: must be from 1 to {MAX_GOP}, or auto")
        if self.effort < 0:
            raise InputError(f"effort {self.effort}: must be 0 or more")
        least = 1 if self.auto else self.gop
        if self.keyint is not None and self.keyint < int(least):
            raise InputError(f"keyint {self.keyint}: must be {least} or more")
        for name, asked, choices in (
            ("b_frames", self.candidates, codecs.between()),
            ("p_frames", self.closing_candidates, codecs.inter()),
            ("rounding", [self.rounding] if self.rounding else [], get_args(Rounding)),
        ):
            if unknown := [value for value in asked if value not in choices]:
                raise InputError(f"{name} {unknown[0]}: must be {' or '.join(choices)}")

    def resolved(self, model: ModelConfig) -> "EncoderOptions":
        """With the model's own choices where nothing was asked for."""
        if self.quality is not None and not model.gains:
            raise InputError(
                f"quality {self.quality:g}: this model was trained for lambda "
                f"{model.fixed_lambda:g} alone and has one quality; leave it out, or take the "
                "model of another lambda"
            )
        resolved = dataclasses.replace(
            self,
            quality=DEFAULT_QUALITY if self.quality is None and model.gains else self.quality,
            keyint=self.keyint or (MAX_GOP if self.auto or model.gains else int(self.gop)),
            b_frames=self.b_frames or model.b_frames,
            p_frames=self.p_frames or model.p_frames,
            rounding=self.rounding or ("rate" if model.gains else "nearest"),
        )
        if resolved.b_frames:
            return resolved
        if self.auto:
            raise InputError(
                f"gop auto: this model has {model.p_frames} P-frames alone; say a number"
            )
        return dataclasses.replace(resolved, gop=1, keyint=self.keyint or int(self.gop))

    @property
    def candidates(self) -> tuple[str, ...]:
        """Codecs of B-frames."""
        return tuple(self.b_frames.split(",")) if self.b_frames else ()

    @property
    def closing_candidates(self) -> tuple[str, ...]:
        """Codecs of P-frames."""
        return tuple(self.p_frames.split(",")) if self.p_frames else ()

    @property
    def auto(self) -> bool:
        """Whether each group has its own length."""
        return self.gop == "auto"

    @property
    def fixed_point_quality(self) -> Quality:
        """0 where there is none to choose."""
        return quality_of(self.quality or 0)

    @property
    def intra_period(self) -> int:
        assert self.keyint
        return self.keyint

    @property
    def longest(self) -> int:
        """Group of pictures."""
        return min(MAX_GOP, self.intra_period) if self.auto else int(self.gop)
