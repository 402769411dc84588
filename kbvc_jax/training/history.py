"""metrics.jsonl: what happened in a run, a row a line, in the order of steps."""

import json
from collections.abc import Iterator
from typing import Any

from etils import epath

from kbvc_jax.training.run_folder import replace_text

LOG = "metrics.jsonl"


def read_rows(run: epath.PathLike) -> list[dict[str, Any]]:
    """Without what a killed process left half written."""
    return [row for _, row in _lines(epath.Path(run) / LOG)]


def drop_after(run: epath.PathLike, step: int) -> None:
    """Forgets the steps that a continuation from `step` takes again."""
    log = epath.Path(run) / LOG
    if not log.exists():
        return
    kept = "".join(f"{line}\n" for line, row in _lines(log) if row["step"] <= step)
    if kept != log.read_text():
        replace_text(log, kept)


def _lines(log: epath.Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            yield line, json.loads(line)
        except ValueError:
            continue
