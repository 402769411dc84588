"""Everything that a training run is, declared once."""

import dataclasses
from typing import Literal

from kbvc_jax.data.config import DataConfig
from kbvc_jax.models.codecs.numbers import ONE_SIDED, between, inter
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Equation 2; `interpolation` is the interpolator's, all others of the stages that code."""

    # Quality of each GoP, drawn uniformly; the model's config turns it into lambda.
    quality: tuple[float, float] = (0.0, 100.0)
    # By how much it falls from the I-frames to the deepest B-frames of a long GoP, drawn uniformly:
    # the encoder lets it fall. Validation takes the middle. The paper has one quality for all.
    fall: tuple[float, float] = (0.0, 0.0)
    # A GoP's loss is divided by (lambda / middle lambda) ** balance. The loss itself grows like
    # about the square root of lambda, so 0.5 weighs a per cent of it alike at every quality;
    # 0 is equation 2 as it stands.
    balance: float = 0.5
    # The rate term starts with this weight and reaches 1, log-linearly, after `ramp_steps`:
    # with its full weight from the first step the network first learns to send nothing.
    ramp_start: float = 0.03
    ramp_steps: int = 1000
    # Of the fusion's groups the part that is coded as P-frames are, from one side alone.
    alone: float = 0.3
    # Of the motion's: what an error of the blend is worth, of one in the frame itself. Much of it
    # is mended by what follows.
    blend: float = 0.5
    # See interpolator_loss.py.
    interpolation: Literal["ifrnet", "rate"] = "ifrnet"


@dataclasses.dataclass(frozen=True)
class OptimiserConfig:
    """Adam."""

    learning_rate: float = 1e-4
    warmup_steps: int = 500
    # The tail: the learning rate falls by a half-cosine to `final_share` over the last steps.
    decay_steps: int = 0
    final_share: float = 0.02
    clip_norm: float | None = 1.0  # of the gradient; None: not clipped
    # The densities of z learn this many times faster: a few numbers a channel, with far to go.
    density_speed: float = 10.0
    ema_decay: float = 0.999
    # A gradient this many times larger than its running mean, or not finite, skips the step.
    # None: only what is not finite does.
    spike_factor: float | None = 20.0


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    # Clips are cut from the middles of its videos. An empty root is that of TrainConfig.data.
    data: DataConfig = DataConfig()
    clips: int = 16  # 0: no validation
    every: int = 1000  # steps
    qualities: tuple[float, ...] = (0.0, 25.0, 50.0, 75.0, 100.0)
    # Stop after this many validations without a better loss; 0: never.
    patience: int = 0


@dataclasses.dataclass(frozen=True)
class CheckpointConfig:
    every: int = 1000  # steps
    keep_last: int = 2
    keep_best: int = 1  # by validation loss


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    # What is trained: IFRNet, the image codec, both codecs, the frame codec, the hyperpriors of
    # both, or the fusion; where motion is sent FlowNet, the motion, what it leaves of frames, and
    # all of these jointly. What a stage does not train stands still. "image" with groups of two
    # frames codes no other; "hyperprior" leaves the latents as they are and learns to price them.
    stage: Literal[
        "interpolator",
        "image",
        "codec",
        "frame",
        "hyperprior",
        "fusion",
        "flow",
        "motion",
        "residual",
        "joint",
    ] = "codec"
    model: ModelConfig = ModelConfig()
    # The codec of B-frames, or of P-frames, that training walks; None: the model's.
    b_frames: str | None = None
    # The codec of a P-frame that closes each group; None: an I-frame does.
    p_frames: str | None = None
    data: DataConfig = DataConfig()
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    validation: ValidationConfig = ValidationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    steps: int = 1_000_000
    seed: int = 0
    # Of the auto-encoders: a Karhunen-Loeve transform (starting_point.py), or random weights.
    start: Literal["transform", "random"] = "transform"
    # Convolutions; weights and entropy terms are float32 in either.
    precision: Literal["float32", "bfloat16"] = "float32"
    # Recompute each codec call's activations in the backward pass: less memory, a third more work.
    remat: bool = False
    # Weights to start from: folders of runs (of any stage), of recipes, or inference checkpoints,
    # with commas between them; what several hold is the last one's. The optimiser starts anew.
    init_from: str | None = None
    log_every: int = 50

    @property
    def inter_codec(self) -> str:
        """Of what lies between I-frames."""
        return self.b_frames or self.model.inter_codec


# What may change between a run and its continuation: it decides when things happen, not what.
_FREE = (
    "steps",
    "optimiser.decay_steps",
    "validation.",
    "checkpoint.",
    "log_every",
    "init_from",
    "data.root",
    "data.workers",
    "data.threads",
)


def differences(ours: TrainConfig, theirs: TrainConfig) -> list[str]:
    """The fields in which two configs describe different runs, as 'field: ours, theirs'."""
    a, b = _flat(ours), _flat(theirs)
    return [
        f"{key}: {a.get(key)!r} here, {b.get(key)!r} there"
        for key in sorted(a.keys() | b.keys())
        if a.get(key) != b.get(key) and not key.startswith(_FREE)
    ]


def check(config: TrainConfig, devices: int) -> None:
    """Refuses, before anything compiles, what could not train."""
    if config.model.gains and config.model.quality_points < 2:
        raise InputError(
            f"model.quality_points={config.model.quality_points}: must be at least 2; for the "
            "paper's model of one rate set model.fixed_lambda"
        )
    if config.stage == "interpolator" and not config.model.interpolate:
        raise InputError("stage=interpolator needs model.interpolate=true")
    if config.stage == "fusion" and not config.model.fusion_channels:
        raise InputError("stage=fusion needs model.fusion_channels=N with N of at least 1")
    model = config.model
    sent = config.stage in ("motion", "residual", "joint")
    if sent and model.motion is None and model.fine is None:
        raise InputError(
            f"stage={config.stage} needs a model.motion or a model.fine (models/config.py: "
            "MotionConfig, FineConfig)"
        )
    for field, codec, names in (
        ("b_frames", config.b_frames, [*between(), *ONE_SIDED]),  # or all are P-frames
        ("p_frames", config.p_frames, inter()),
    ):
        has = [name for name in names if CODECS[name].is_in(model)]
        if codec is not None and codec not in has:
            raise InputError(f"{field}={codec}: this model has {', '.join(has)}")
    if config.p_frames and config.inter_codec in ONE_SIDED:
        raise InputError(
            f"p_frames={config.p_frames}: groups of {config.inter_codec} have P-frames alone; "
            "leave it out, or set b_frames to a codec of B-frames"
        )
    if config.stage == "flow" and model.fine is None:
        raise InputError("stage=flow needs a model.fine (models/config.py: FineConfig)")
    clips, batch_size = config.validation.clips, config.validation.data.batch_size
    if clips % batch_size:
        raise InputError(
            f"validation.clips={clips} must be a multiple of "
            f"validation.data.batch_size={batch_size}"
        )
    _check_data("data", config.data, config.stage, devices)
    if clips:
        _check_data("validation.data", config.validation.data, config.stage, devices)


def _check_data(where: str, data: DataConfig, stage: str, devices: int) -> None:
    if data.batch_size % devices:
        raise InputError(
            f"{where}.batch_size={data.batch_size} cannot be divided among {devices} devices; "
            f"use a multiple of {devices}"
        )
    least = 2 if stage in ("image", "codec", "hyperprior") else 3  # two frames are I-frames alone
    if data.frames < least:
        raise InputError(f"{where}.frames={data.frames}; stage={stage} needs at least {least}")
    if any(size % 16 for size in data.crop):
        raise InputError(f"{where}.crop={data.crop}; sizes must be multiples of 16")


def _flat(config, prefix: str = "") -> dict[str, object]:
    out = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            out |= _flat(value, f"{prefix}{field.name}.")
        else:
            out[prefix + field.name] = value
    return out
