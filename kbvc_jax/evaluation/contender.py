"""What takes part in a comparison: something that turns a clip into a file, and the file back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from kbvc_jax.evaluation.clips import Clip, Frame

Columns = dict[str, list]  # what the encoder knows: column -> a value for each frame
DIGEST = "reconstruction"  # column: digest of each frame as the encoder rebuilt it


@runtime_checkable
class Contender(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...  # of its files

    @property
    def settings(self) -> tuple[float, ...]: ...  # a point each

    @property
    def identity(self) -> dict[str, Any]:
        """Everything, besides clip and setting, that decides the bytes."""
        ...

    def encode(self, clip: Clip, setting: float, target: Path) -> Columns: ...

    def decode(self, source: Path, clip: Clip) -> Iterator[Frame]: ...
