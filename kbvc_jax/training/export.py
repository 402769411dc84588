"""From a training run to an inference checkpoint: averaged weights, integers, tables, a card.

The integer scale decoders are calibrated on the bundled clip, and what they cost in rate against
their float originals is measured there and kept on the card.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from kbvc_jax.coding.tables import clamp_certain, gaussian_tables, symbol_bits
from kbvc_jax.models.checkpoint import ARRAYS, DOCUMENT, assemble, save_inference
from kbvc_jax.models.codecs.contract import Decoded, FrameCodec, Values
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.entropy_model import (
    EntropyModel,
    index_offsets,
    quantise_hyperprior,
    table_indexes,
)
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc, shapes_of
from kbvc_jax.models.parameters import split
from kbvc_jax.ops import densities
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.output import whole_folder
from kbvc_jax.training.card import CARD, inherited, stages, write_card
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.group import code_group, depths_of, frames_and_observed, with_observed
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.trained import load_trained
from kbvc_jax.video.reader import open_video

CLIP = Path(__file__).parents[1] / "assets" / "bunny.mp4"
QUALITIES = (0, 25, 50, 75, 100)
FRAMES = 5  # of the clip: I-frames, an inner B-frame, leaves


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
    which takes the three texts. Without the first two it has those of the weights that training
    began with."""
    trained = load_trained(run)
    config, parameters, step, validation = trained.weights
    with whole_folder(target, overwrite, own=(DOCUMENT, ARRAYS, CARD)) as folder:
        skeleton, _ = split(shapes_of(config.model))
        # What ships is what is calibrated: weights as they will be read back.
        model: Kbvc = skeleton.model({k: _rounded(k, v, dtype) for k, v in parameters.items()})
        seen = collect_latents(model)
        entropy = {
            name: quantise_hyperprior(getattr(model, name).hyperprior, latents.z)
            for name, latents in seen.items()
        }
        card = {
            "training": dataclasses.asdict(_named(config)),
            "stages": stages(*trained.runs),
            "checkpoint": trained.prefix + choice(str(trained.run), step, validation),
            "validation": validation,
            "data": data or inherited("data", *trained.runs),
            "licence": licence or inherited("licence", *trained.runs),
            "hardware": hardware,
            "integer_scale_decoder": {
                f"{name}_rate_loss": rate_loss(getattr(model, name), entropy[name], latents)
                for name, latents in seen.items()
            },
        }
        tables = gaussian_tables(densities.scale_table().tolist())
        save_inference(folder, assemble(model, entropy, tables, card), dtype)
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


def collect_latents(model: Kbvc) -> dict[str, Latents]:
    """Of each hyperprior, by the name of its network: of a group of the clip at every quality."""
    with open_video(CLIP, frames=FRAMES) as reader:
        clip = np.stack(list(reader))
    names = dict.fromkeys(_users(model.config).values())
    groups = {name: with_observed(depths_of(len(clip), name), clip[None]) for name in names}
    found = {name: frames_and_observed(group)[1] for name, group in groups.items()}
    observed = {name: [part[0] for part in own] for name, own in found.items() if own}
    return _collect(model, jnp.asarray(clip, jnp.float32) / 255, observed)


def _users(config: ModelConfig) -> dict[str, str]:
    """Of each hyperprior the first codec that has it; that of images in all groups."""
    codecs = [name for name, codec in CODECS.items() if codec.is_in(config)]
    return {prior: name for name in reversed(codecs) for prior in CODECS[name].priors}


@nnx.jit
def _collect(
    model: Kbvc, clip: Float[Array, "t h w 3"], observed: dict[str, list[Array]]
) -> dict[str, Latents]:
    users = _users(model.config)

    def at(quality: Float[Array, ""]) -> dict[str, Latents]:
        seen: dict[str, list[Latents]] = {}

        def note(
            codec: FrameCodec, references: Sequence[Decoded], known: Values, rate: Rate
        ) -> None:
            for prior, (z, y) in codec.priors.items():
                if users[prior] == name_of(codec):
                    seen.setdefault(prior, []).append(Latents(known[y], known[z], rate))

        for b_frames in dict.fromkeys(users.values()):
            if b_frames != "image":
                qualities = jnp.full(len(clip), quality)
                how = {"b_frames": b_frames, "observed": observed.get(b_frames)}
                code_group(model, clip, qualities, **how, note=note)
        return {
            name: jax.tree.map(lambda *p: jnp.concatenate(p), *own) for name, own in seen.items()
        }

    def name_of(codec: FrameCodec) -> str:
        return next(name for name, kind in CODECS.items() if type(codec) is kind)

    at_each = jax.lax.map(at, jnp.asarray(QUALITIES, jnp.float32))
    return jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:]), at_each)


def _joined(parts: Sequence[Latents]) -> Latents:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)


def rate_loss(codec: Any, entropy: EntropyModel, latents: Latents) -> float:
    """How many more bits y costs with the integer scale decoder, as a fraction."""
    y, z, rate = latents
    height, width = y.shape[1:3]
    hyperprior = codec.hyperprior
    symbols = jnp.rint(y - hyperprior.mean(z, height, width))
    offsets = index_offsets(entropy.prior, rate, codec.LEVELS.start)
    integer = table_indexes(entropy.prior.layers, z.astype(jnp.int32), offsets)
    integer = integer[:, :height, :width]
    original = densities.nearest_indexes(hyperprior.log2_scale(z, rate, height, width))
    tables = gaussian_tables(densities.scale_table().tolist())

    def price(indexes: Array) -> float:
        flat = np.asarray(indexes).ravel()
        coded = clamp_certain(np.asarray(symbols, np.int32).ravel(), flat, tables)
        return symbol_bits(coded, flat, tables)

    return price(integer) / price(original) - 1
