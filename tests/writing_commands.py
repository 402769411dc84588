"""Commands that write, small ones: what they read, what they write, and when that is whole."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kbvc_jax.selftest import ASSETS
from kbvc_jax.training.history import read_rows
from tests.codec.golden import FOLDER

ROOT = Path(__file__).parents[1]
MODEL = "--checkpoint", str(FOLDER / "model")
STEPS = 30


class Command(NamedTuple):
    argv: tuple[str, ...]  # with names for what it reads and what it writes
    source: Path
    target: str
    complete: Callable[[Path], bool]
    resumes: bool = False  # what has begun may stand under its name; the next run goes on


def _decodes(path: Path) -> bool:
    argv = [sys.executable, "-m", "kbvc_jax.cli.main", "info", str(path)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode == 0


def _is_a_pack(path: Path) -> bool:
    parts = json.loads((path / "pack.json").read_text())["parts"]
    return bool(parts) and all((path / part["file"]).exists() for part in parts)


def _is_measured(path: Path) -> bool:
    return len(json.loads((path / "results.json").read_text())["points"]) == 2


def _is_trained(path: Path) -> bool:
    steps = [row["step"] for row in read_rows(path) if row["kind"] == "train"]
    return steps == sorted(set(steps)) and steps[-1] == STEPS


CLIP = ASSETS.parent / "bunny.mp4"
KBVC = "-m", "kbvc_jax.cli.main"
COMMANDS = {
    "encode": Command(
        (*KBVC, "encode", "{input}", "{out}", *MODEL, "-y", "--quiet"), CLIP, "out.kbvc", _decodes
    ),
    "decode": Command(
        (*KBVC, "decode", "{input}", "{out}", *MODEL, "-y", "--quiet"),
        FOLDER / "predicted.kbvc",
        "out.y4m",
        lambda path: path.stat().st_size > 9 * 49 * 33,
    ),
    "pack": Command(
        ("-m", "kbvc_jax.data.pack", "{input}", "{out}", "--container", "zip"),
        CLIP.parent,
        "packed",
        _is_a_pack,
    ),
    "evaluate": Command(
        (
            *("eval.py", "--out", "{out}", "--checkpoints", f"tiny={FOLDER / 'model'}"),
            *("--config.data={input}", "--config.sequences=('a',)", "--config.frames=9"),
            *("--config.qualities=(20.0,60.0)", "--config.anchors.codecs=()"),
        ),
        CLIP.parent,
        "results",
        _is_measured,
        resumes=True,
    ),
    "train": Command(
        (
            *("train.py", "--config=configs/smoke.py", "--run={out}", f"--config.steps={STEPS}"),
            *("--config.data.root={parent}", "--config.log_every=5", "--config.checkpoint.every=5"),
            "--config.validation.every=1000",
        ),
        CLIP.parent,
        "run",
        _is_trained,
        resumes=True,
    ),
}
