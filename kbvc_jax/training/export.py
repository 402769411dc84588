"""From a training run to an inference checkpoint: averaged weights, integers, tables, a card.

The integer scale decoders are calibrated on the bundled clip, and what they cost in rate against
their float originals is measured there and kept on the card.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from kbvc_jax.coding.tables import clamp_certain, gaussian_tables, symbol_bits
from kbvc_jax.models.checkpoint import ARRAYS, DOCUMENT, assemble, save_inference
from kbvc_jax.models.entropy_model import (
    EntropyModel,
    index_offsets,
    nearest_indexes,
    quantise_hyperprior,
    table_indexes,
)
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.parameters import split
from kbvc_jax.ops import densities
from kbvc_jax.rate import QUALITY_STEPS
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.output import whole_folder
from kbvc_jax.training.card import CARD, stages, write_card
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.parameters import build
from kbvc_jax.training.trained import load_trained
from kbvc_jax.video.reader import open_video

CLIP = Path(__file__).parents[1] / "assets" / "bunny.mp4"
QUALITIES = (0, 25, 50, 75, 100)
_GROUP = (0, 2, 4)  # frames of the clip: an I-frame, a B-frame, an I-frame


class Latents(NamedTuple):
    """What a hyperprior sees of real frames, a row a frame and quality."""

    y: Float[Array, "b h w m"]
    z: Float[Array, "b zh zw c"]
    rate: Rate


def export_run(
    run: str | Path,
    target: str | Path,
    *,
    dtype: str = "float32",
    overwrite: bool = False,
    data: str = "",
    licence: str = "",
    hardware: str = "",
) -> dict[str, Any]:
    """Writes the checkpoint of a run's best step, or of a recipe's stages joined; returns its card,
    which takes the three texts."""
    trained = load_trained(run)
    config, parameters, step, validation = trained.weights
    with whole_folder(target, overwrite, own=(DOCUMENT, ARRAYS, CARD)) as folder:
        skeleton, _ = split(build(dataclasses.replace(config, precision="float32")))
        # What ships is what is calibrated: weights as they will be read back.
        model: Kbvc = skeleton.model({k: _rounded(k, v, dtype) for k, v in parameters.items()})
        image, frame = collect_latents(model)
        entropy_image = quantise_hyperprior(model.image.hyperprior, image.z)
        entropy_frame = quantise_hyperprior(model.frame.hyperprior, frame.z)
        card = {
            "training": dataclasses.asdict(_named(config)),
            "stages": stages(*trained.runs),
            "checkpoint": trained.prefix + choice(str(trained.run), step, validation),
            "validation": validation,
            "data": data,
            "licence": licence,
            "hardware": hardware,
            "integer_scale_decoder": {
                "image_rate_loss": rate_loss(model.image, entropy_image, image),
                "frame_rate_loss": rate_loss(model.frame, entropy_frame, frame),
            },
        }
        tables = gaussian_tables(densities.scale_table().tolist())
        save_inference(folder, assemble(model, entropy_image, entropy_frame, tables, card), dtype)
        write_card(folder, config.model, card, dtype)
    return card


def choice(run: str | Path, step: int, validation: dict[str, float]) -> str:
    """Which of a run's checkpoints this is, and why it was taken."""
    losses = [row["loss"] for row in read_rows(run) if row["kind"] == "validation"]
    if not validation:
        made = "no validated one is kept" if losses else "no validation was made"
        return f"step {step}, the latest; {made}"
    loss, count = validation["loss"], max(1, len(losses))
    best = "the best that is kept" if any(other < loss for other in losses) else "the best"
    validations = "1 validation" if count == 1 else f"{count} validations"
    return f"step {step}, {best} of {validations} (loss {loss:.4f})"


def _rounded(name: str, value: Array, dtype: str) -> Array:
    rounded = jnp.asarray(value, dtype).astype("float32")
    if not np.isfinite(rounded).all():
        raise InputError(f"{name}: too large for {dtype}; pass --dtype bfloat16 or float32")
    return rounded


def _named(config: TrainConfig) -> TrainConfig:
    """Folders by name alone: where they lie is nobody else's business."""
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, root=Path(config.data.root).name),
        init_from=config.init_from
        and ",".join(Path(source).name for source in config.init_from.split(",")),
    )


@nnx.jit
def _group_latents(model: Kbvc, frames: Float[Array, "t h w 3"]) -> tuple[Latents, Latents]:
    """Of the I-frames at both ends and of the B-frame between them, at every quality."""
    count = len(QUALITIES)
    quality = jnp.asarray(QUALITIES, jnp.float32)
    ends = jnp.concatenate([jnp.repeat(frames[i][None], count, 0) for i in (0, 2)])
    image_rate = Rate(jnp.tile(quality, 2), jnp.zeros(2 * count, jnp.int32))
    decoded = model.image.forward(ends, image_rate.quality).reconstruction
    decoded = jnp.rint(jnp.clip(decoded, 0, 1) * 255) / 255
    references = model.references(decoded[:count], decoded[count:])
    # The same picture as an inner B-frame and as a leaf.
    references = jnp.concatenate([references, references])
    levels = jnp.repeat(jnp.array([1, 2], jnp.int32), count)
    frame_rate = Rate(jnp.tile(quality, 2), levels)
    middle = jnp.repeat(frames[1][None], 2 * count, 0)

    def latents(codec, y: Array, rate: Rate) -> Latents:
        return Latents(y, jnp.rint(codec.hyperprior.hyper_latent(y)), rate)

    return (
        latents(model.image, model.image.analyse(ends, image_rate), image_rate),
        latents(model.frame, model.frame.analyse(middle, references, frame_rate), frame_rate),
    )


def collect_latents(model: Kbvc) -> tuple[Latents, Latents]:
    """Of the image codec and of the frame codec."""
    with open_video(CLIP, frames=max(_GROUP) + 1) as reader:
        clip = [np.asarray(frame, np.float32) / 255 for frame in reader]
    return _group_latents(model, jnp.stack([clip[index] for index in _GROUP]))


def rate_loss(codec: Any, entropy: EntropyModel, latents: Latents) -> float:
    """How many more bits y costs with the integer scale decoder, as a fraction."""
    y, z, rate = latents
    height, width = y.shape[1:3]
    hyperprior = codec.hyperprior
    symbols = jnp.rint(y - hyperprior.mean(z, height, width))
    quality = np.asarray(rate.quality * QUALITY_STEPS, np.int64)
    level = np.asarray(rate.level) - codec.LEVELS.start
    offsets = jnp.asarray(index_offsets(entropy, quality, level))
    integer = table_indexes(entropy.layers, z.astype(jnp.int32), offsets)[:, :height, :width]
    original = nearest_indexes(hyperprior.log2_scale(z, rate, height, width))
    tables = gaussian_tables(densities.scale_table().tolist())

    def price(indexes: Array) -> float:
        flat = np.asarray(indexes).ravel()
        coded = clamp_certain(np.asarray(symbols, np.int32).ravel(), flat, tables)
        return symbol_bits(coded, flat, tables)

    return price(integer) / price(original) - 1
