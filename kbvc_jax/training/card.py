"""The model card: where weights come from, and what they reached on the validation clips."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from etils import epath

from kbvc_jax.models.checkpoint import DOCUMENT
from kbvc_jax.models.complexity import coding, complexity
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.training.checkpoints import chosen
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.recipe_folder import runs_in
from kbvc_jax.training.run_folder import CONFIG_FILE, read_config

CARD = "README.md"
_BEGAN = " (the weights that training began with)"


def stages(*runs: epath.PathLike) -> list[dict[str, Any]]:
    """The runs that led here, the first one first, or what the cards say that were exported from
    them. A card may by now be that of a later export, which tells of the same runs again."""
    rows = list[dict[str, Any]]()
    for folder in _lineage(runs, set()):
        rows += _card(folder).get("stages", [])
        if (folder / CONFIG_FILE).exists():
            step, stage = chosen(folder).step, read_config(folder).stage
            row = {"run": folder.name, "stage": stage, "steps": step}
            rows.append(row | {"minutes": round(_minutes(folder, step), 1)})
    return [row for place, row in enumerate(rows) if row not in rows[:place]]


def inherited(what: str, *runs: epath.PathLike) -> str:
    """What the cards say of the weights that training began with."""
    told = [_card(folder).get(what) or "" for folder in _lineage(runs, set())]
    texts = dict.fromkeys(text.removesuffix(_BEGAN) for text in told if text)
    return "; ".join(texts) + _BEGAN if texts else ""


def _lineage(folders: Iterable[epath.PathLike], told: set[epath.Path]) -> Iterator[epath.Path]:
    """These after all that led to them through init_from, as far as it is still there."""
    for folder in map(epath.Path, folders):
        if folder in told:
            continue
        told.add(folder)
        if (folder / CONFIG_FILE).exists():
            sources = filter(None, (read_config(folder).init_from or "").split(","))
            yield from _lineage([run for source in sources for run in runs_in(source)], told)
        yield folder


def _card(folder: epath.Path) -> dict[str, Any]:
    """Of an exported checkpoint; of others there is none."""
    document = folder / DOCUMENT
    return json.loads(document.read_text())["card"] if document.exists() else {}


def _minutes(run: epath.Path, last: int) -> float:
    """Of training alone: without compilation, validation and checkpoints."""
    seconds, before = 0.0, 0
    for row in read_rows(run):
        if "steps_per_second" in row and before < row["step"] <= last:
            seconds += (row["step"] - before) / row["steps_per_second"]
            before = row["step"]
    return seconds / 60


def write_card(folder: Path, model: ModelConfig, card: dict[str, Any], dtype: str) -> None:
    (folder / CARD).write_text(card_text(model, card, dtype))


def card_text(model: ModelConfig, card: dict[str, Any], dtype: str) -> str:
    lines = [
        "# Model card",
        "",
        f"Licence: {card['licence'] or 'not stated'}.",
        f"Trained on: {card['data'] or 'not stated'}.",
        f"Hardware: {card['hardware'] or 'not stated'}.",
        "",
        f"Weights are {dtype}; model.json holds the whole configuration. Probabilities come from "
        "integer arithmetic alone, and the scale decoders' integers cost "
        + ", ".join(
            f"{100 * loss:+.2f} % ({name.removesuffix('_rate_loss')} network)"
            for name, loss in card["integer_scale_decoder"].items()
        )
        + " of rate against float, on the bundled clip.",
        "",
        "| module | parameters | multiply-adds a pixel |",
        "|---|---:|---:|",
        *(
            f"| {r.module} | {r.parameters:,} | {r.macs_per_pixel:,.0f} |"
            for r in (*complexity(model), *coding(model))
        ),
        "",
        "| run | stage | steps | minutes of steps |",
        "|---|---|---:|---:|",
        *(f"| {s['run']} | {s['stage']} | {s['steps']} | {s['minutes']} |" for s in card["stages"]),
        "",
        f"Weights of {card['checkpoint']}.",
        "",
        *_ladder(model, card["validation"]),
        "Figures of real files: docs/results.md.",
    ]
    return "\n".join(lines) + "\n"


def _ladder(model: ModelConfig, found: dict[str, float]) -> list[str]:
    """The table of a validation, if there was one that measured both; a model of one lambda has
    that one's row."""
    names = [name.removeprefix("bpp/") for name in found if name.startswith("bpp/")]
    rungs = [
        (name, found[f"psnr/{name}"], found[f"bpp/{name}"])
        for name in names
        if f"psnr/{name}" in found
    ]
    if not rungs:
        return []
    fixed = model.fixed_lambda
    return [
        f"| {'quality' if fixed is None else 'lambda'} | PSNR, dB | bits a pixel (estimated) |",
        "|---:|---:|---:|",
        *(
            f"| {name if fixed is None else f'{fixed:g}'} | {psnr:.2f} | {bpp:.4f} |"
            for name, psnr, bpp in rungs
        ),
        "",
    ]
