"""This codec as a contender."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt

import kbvc_jax
from kbvc_jax.api import Codec
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.presets import with_preset
from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.config import SHIPPED, EvaluationConfig
from kbvc_jax.evaluation.contender import DIGEST, Columns
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.zoo import shipped

BY_LAMBDA = "lambda"  # what a setting is where each is a model
# The same weights on every local device, by its id.
Replicas = dict[int, Codec]


@dataclasses.dataclass(frozen=True)
class Ours:
    """One model over its qualities, or the models of several lambdas, a point each."""

    name: str
    models: Sequence[Replicas]
    settings: tuple[float, ...]  # qualities or, of as many models, lambdas
    options: EncoderOptions
    suffix: str = ".kbvc"

    @property
    def identity(self) -> dict[str, Any]:
        inference = [_first(replicas).inference for replicas in self.models]
        asked = self.options.resolved(inference[0].model.config)
        return {
            "name": self.name,
            "kind": "kbvc",
            "version": kbvc_jax.__version__,
            "setting": BY_LAMBDA if self._by_lambda else "quality",
            "fingerprint": " ".join(model.fingerprint.hex() for model in inference),
            "gop": asked.gop,
            "keyint": asked.intra_period,
            "effort": asked.effort,
            "b_frames": asked.b_frames,
            "p_frames": asked.p_frames,
            "rounding": asked.rounding,
        }

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns:
        digests = []
        replicas, quality = self.models[0], setting
        if self._by_lambda:
            replicas, quality = self.models[self.settings.index(setting)], None
        options = dataclasses.asdict(dataclasses.replace(self.options, quality=quality))
        with target.open("wb") as file:
            summary = _here(replicas).encode_stream(
                (frame.rgb for frame in clip.read()),
                clip.format,
                file,
                **options,
                on_frame=lambda index, frame: digests.append(digest(frame)),
            )
        rows = sorted(summary.statistics, key=lambda row: row.index)
        return {
            "kind": [row.kind for row in rows],
            "level": [row.level for row in rows],
            "bits_y": [row.bits_y for row in rows],
            "bits_z": [row.bits_z for row in rows],
            "bits": [row.bits_y + row.bits_z for row in rows],
            DIGEST: digests,
        }

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]:
        with source.open("rb") as file:
            stream = StreamReader(file)
            made_by = stream.header.fingerprint
            codec = next(
                _here(replicas)
                for replicas in self.models
                if _first(replicas).inference.fingerprint == made_by
            )
            for rgb in codec.decode_stream(stream):
                yield Frame(rgb, yuv_from_rgb(rgb, clip.format))

    @property
    def _by_lambda(self) -> bool:
        return not _first(self.models[0]).inference.model.config.gains


def _first(replicas: Replicas) -> Codec:
    return next(iter(replicas.values()))


def _here(replicas: Replicas) -> Codec:
    """That of the device on which the calling thread runs."""
    (device,) = jnp.zeros(()).devices()
    return replicas[device.id]


def load_ours(config: EvaluationConfig) -> list[Ours]:
    """The checkpoints of the config, each in every way to code that it asks for."""
    out: list[Ours] = []
    for text in config.checkpoints:
        name, _, folders = text.rpartition("=")
        name = name or ("kbvc" if folders == SHIPPED else Path(folders.split(",")[0]).name)
        if name in [other.name for other in out]:
            raise InputError(f"checkpoints: two are called {name}; write NAME=FOLDER")
        models = [_load(folder) for folder in folders.split(",")]
        models, settings = curve(text, models, config.qualities)
        usual = EncoderOptions(gop=config.gop, keyint=config.intra_period)
        variants = {name: usual}
        if config.models and folders == SHIPPED:
            variants = {
                model: dataclasses.replace(usual, b_frames=shipped()[model].b_frames)
                for model in config.models
            }
        for gop in config.other_gops:
            length = gop if gop == "auto" else int(gop)
            variants[f"{name} GoP {gop}"] = dataclasses.replace(usual, gop=length)
        for effort in config.other_efforts:
            variants[f"{name} effort {effort}"] = dataclasses.replace(usual, effort=effort)
        for codec in config.other_b_frames:
            variants[f"{name} {codec}"] = dataclasses.replace(usual, b_frames=codec)
        for codec in config.other_p_frames:
            variants[f"{name} P {codec}"] = dataclasses.replace(usual, p_frames=codec)
        model = _first(models[0]).inference.model.config
        for preset in config.other_presets:
            wished = with_preset(preset, {}, lambda codec, model=model: CODECS[codec].is_in(model))
            variants[f"{name} {preset}"] = dataclasses.replace(usual, **wished)
        out += [Ours(called, models, settings, options) for called, options in variants.items()]
    return out


def _load(folder: str) -> Replicas:
    replicas = {}
    for device in jax.local_devices():
        with jax.default_device(device):
            replicas[device.id] = kbvc_jax.load(None if folder == SHIPPED else folder)
    return replicas


def curve(
    text: str, models: list[Replicas], qualities: tuple[float, ...]
) -> tuple[list[Replicas], tuple[float, ...]]:
    """One model and the qualities; or models of one lambda each, and the lambdas, rising."""
    configs = [_first(replicas).inference.model.config for replicas in models]
    if len(models) == 1 and configs[0].gains:
        return models, qualities
    lambdas = [config.fixed_lambda for config in configs if config.fixed_lambda is not None]
    if len(lambdas) < len(models):
        raise InputError(
            f"checkpoints={text}: a curve of several models is of models for one lambda each; "
            "one of these has every quality and is a curve of its own"
        )
    if len({dataclasses.replace(config, fixed_lambda=None) for config in configs}) > 1:
        raise InputError(f"checkpoints={text}: these differ in more than lambda; name them apart")
    if len(set(lambdas)) < len(lambdas):
        raise InputError(f"checkpoints={text}: two are of one lambda; name each lambda once")
    order = sorted(range(len(models)), key=lambda place: lambdas[place])
    return [models[place] for place in order], tuple(lambdas[place] for place in order)


def digest(frame: UInt[np.ndarray, "h w 3"]) -> str:
    return hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest()
