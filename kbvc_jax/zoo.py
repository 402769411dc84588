"""The models that ship: one checkpoint, whose I-frame codec and interpolator they share, and what
each of them reaches (weights/zoo.json, which benchmarks/zoo.py writes)."""

import dataclasses
import json
from pathlib import Path

from kbvc_jax.config import from_json
from kbvc_jax.runtime.errors import InputError

WEIGHTS = Path(__file__).with_name("weights")
FILE = WEIGHTS / "zoo.json"


@dataclasses.dataclass(frozen=True)
class Speed:
    """Frames a second on two CPU cores."""

    size: str
    encode: float
    decode: float


@dataclasses.dataclass(frozen=True)
class ShippedModel:
    name: str
    b_frames: str  # their codecs: see EncoderOptions
    about: str
    paper: str | None  # its title
    parameters: int  # that a decoder of a B-frame uses
    multiply_adds: float  # a pixel of a B-frame, of a decoder
    set: str  # that the BD-rates are of
    bd_rates: dict[str, float]  # per cent, by anchor
    speed: Speed


@dataclasses.dataclass(frozen=True)
class Zoo:
    version: str  # that was measured
    licence: str
    commands: tuple[str, ...]  # that measured it
    models: tuple[ShippedModel, ...]  # the first is what no name stands for

    def __getitem__(self, name: str) -> ShippedModel:
        for model in self.models:
            if model.name == name:
                return model
        names = ", ".join(model.name for model in self.models)
        raise InputError(f"model {name}: must be of {names} (kbvc models)")


def shipped() -> Zoo:
    return from_json(Zoo, json.loads(FILE.read_text()))
