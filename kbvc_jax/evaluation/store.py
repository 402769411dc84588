"""Points already measured. A point's name is a digest of everything that decides its figures, so an
interrupted run finds what it has, and a changed condition finds nothing."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from kbvc_jax.evaluation.clips import Clip
from kbvc_jax.evaluation.conditions import DEFINITIONS
from kbvc_jax.evaluation.contender import Contender
from kbvc_jax.evaluation.results import Point, write_json


class Store:
    def __init__(self, folder: Path):
        self._points, self._streams = folder / "points", folder / "streams"
        for part in (self._points, self._streams):
            part.mkdir(parents=True, exist_ok=True)

    def stream(self, key: str, contender: Contender) -> Path:
        return self._streams / f"{key}{contender.suffix}"

    def find(self, key: str, contender: Contender) -> Point | None:
        try:
            document = json.loads(self._path(key).read_text())
        except (OSError, ValueError):
            return None
        return Point(**document) if self.stream(key, contender).is_file() else None

    def keep(self, key: str, point: Point) -> None:
        write_json(self._path(key), dataclasses.asdict(point))

    def _path(self, key: str) -> Path:
        return self._points / f"{key}.json"


def point_key(contender: Contender, clip: Clip, setting: float, metrics: list[str]) -> str:
    deciding: dict[str, Any] = {
        "codec": contender.identity,
        "sequence": dataclasses.asdict(clip.description),
        "setting": setting,
        "metrics": metrics,
        "definitions": DEFINITIONS,
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:24]
