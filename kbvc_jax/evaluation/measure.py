"""One point: encode to a file, decode that file, compare every frame with the source."""

import dataclasses
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from kbvc_jax.evaluation.clips import Clip, Frame
from kbvc_jax.evaluation.contender import DIGEST, Columns, Contender
from kbvc_jax.evaluation.metrics import ms_ssim, psnr
from kbvc_jax.evaluation.ours import digest
from kbvc_jax.evaluation.results import Point

Item = TypeVar("Item")


class MismatchError(Exception):
    """What came out of the file is not what had to."""


@runtime_checkable
class Judge(Protocol):
    """Sees the frames of one point in turn, and gives columns of the results at the end."""

    def see(self, source: Frame, decoded: Frame) -> None: ...

    def columns(self) -> Columns: ...


class Fidelity:
    """PSNR of RGB and of each plane, and MS-SSIM."""

    def __init__(self, clip: Clip):
        self._peak = clip.format.peak
        self._columns: Columns = {}

    def see(self, source: Frame, decoded: Frame) -> None:
        row = {
            "psnr": psnr(source.rgb, decoded.rgb, self._peak),
            "ms_ssim": ms_ssim(source.rgb, decoded.rgb, self._peak),
        }
        for name, a, b in zip("yuv", source.planes, decoded.planes, strict=False):  # grey has y
            row[f"psnr_{name}"] = psnr(a, b, self._peak)
        for name, value in row.items():
            self._columns.setdefault(name, []).append(value)

    def columns(self) -> Columns:
        return self._columns


def measure(
    contender: Contender,
    clip: Clip,
    setting: float,
    target: Path,
    judges: Sequence[Judge],
    made_by: str = "",
) -> Point:
    began = time.perf_counter()
    columns = contender.encode(clip, setting, target)
    encode_seconds = time.perf_counter() - began
    expected = columns.pop(DIGEST, None)

    clock = Clock()
    pairs = _pairs(clip, clock.iterate(contender.decode(target, clip)))
    for index, (source, decoded) in enumerate(pairs):
        if expected is not None and digest(decoded.rgb) != expected[index]:
            raise MismatchError(f"frame {index}: the decoder's differs from the encoder's")
        for judge in judges:
            judge.see(source, decoded)
    for judge in judges:
        columns |= judge.columns()

    data = target.read_bytes()
    return Point(
        codec=contender.name,
        sequence=clip.name,
        setting=setting,
        bytes=len(data),
        pixels=clip.pixels,
        sha256=hashlib.sha256(data).hexdigest(),
        encode_seconds=round(encode_seconds, 4),
        decode_seconds=round(clock.seconds, 4),
        made_by=made_by,
        frames=_rounded(columns),
    )


@dataclasses.dataclass
class Clock:
    """Counts the time that an iterator takes, without that of whoever uses it."""

    seconds: float = 0.0

    def iterate(self, items: Iterator[Item]) -> Iterator[Item]:
        while True:
            began = time.perf_counter()
            item = next(items, None)
            self.seconds += time.perf_counter() - began
            if item is None:
                return
            yield item


def _pairs(clip: Clip, decoded: Iterator[Frame]) -> Iterator[tuple[Frame, Frame]]:
    for index, source in enumerate(clip.read()):
        frame = next(decoded, None)
        if frame is None:
            raise MismatchError(f"{index} frames decoded, {clip.frames} expected")
        yield source, frame
    if next(decoded, None) is not None:
        raise MismatchError(f"more than {clip.frames} frames decoded")


def _rounded(columns: Columns) -> Columns:
    return {
        name: [round(v, 5) if isinstance(v, float) else v for v in values]
        for name, values in columns.items()
    }
