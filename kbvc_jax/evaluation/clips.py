"""The sequences of a run: found by name, checked, and read frame by frame."""

import dataclasses
import hashlib
from collections.abc import Iterator
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt

from kbvc_jax.evaluation.config import EvaluationConfig, Sequence
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes, rgb_from_yuv
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.reader import open_video

SUFFIXES = (".y4m", ".mp4", ".mkv", ".mov", ".webm")
RAW = ".yuv"
BUNDLED = "bunny"


class Frame(NamedTuple):
    """A frame both ways: metrics are taken of either."""

    rgb: UInt[np.ndarray, "h w 3"]
    planes: Planes


@dataclasses.dataclass(frozen=True)
class Description:
    """What the results record about a sequence."""

    name: str
    width: int
    height: int
    frames: int
    rate: str
    matrix: str
    full_range: bool
    bit_depth: int
    chroma: str
    siting: str
    first_frame: str  # sha256 of its samples


@dataclasses.dataclass(frozen=True)
class Clip:
    description: Description
    format: VideoFormat
    path: Path
    options: dict[str, Any]  # of open_video

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def frames(self) -> int:
        return self.description.frames

    @property
    def pixels(self) -> int:
        return self.format.width * self.format.height * self.frames

    def read(self) -> Iterator[Frame]:
        with open_video(self.path, frames=self.frames, **self.options) as reader:
            for planes in reader.yuv_frames():
                yield Frame(rgb_from_yuv(planes, self.format), planes)


def find_clips(config: EvaluationConfig) -> list[Clip]:
    """The chosen sequences of the set. Whatever is missing or short is said in one go."""
    chosen, problems, clips = _candidates(config), [], []
    for sequence, path in chosen:
        try:
            clips.append(_open(config, sequence, path))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    return clips


def set_name(config: EvaluationConfig) -> str:
    return config.set.name or (Path(config.data).resolve().name if config.data else BUNDLED)


def shard(clips: list[Clip], text: str) -> list[Clip]:
    """Part i of n, as "i/n" with i from 1; the sequences are dealt in turn."""
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard {text}: must be i/n with i from 1 to n")
    return clips[int(part) - 1 :: int(parts)]


def _candidates(config: EvaluationConfig) -> list[tuple[Sequence | None, Path]]:
    if config.data is None:
        if config.set.sequences:
            raise InputError(
                f"{config.set.name}: say where it lies with --config.data=FOLDER; "
                f"it comes from {config.set.origin}"
            )
        return [(None, Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4")))]
    folder = Path(config.data)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (*SUFFIXES, RAW))
    if not config.set.sequences:
        return _any_clips(config, folder, [f for f in files if f.suffix.lower() != RAW])
    sequences = {sequence.name: sequence for sequence in config.set.sequences}
    _check_names(config, list(sequences))
    wanted = [sequences[name] for name in config.sequences or sequences]
    found = {s.name: [f for f in files if _is_of(f, s.name)] for s in wanted}
    if missing := [name for name, paths in found.items() if not paths]:
        raise InputError(
            f"{folder}: {len(missing)} of {len(wanted)} sequences of {config.set.name} missing: "
            f"{', '.join(missing)}; they come from {config.set.origin}"
        )
    if several := [name for name, paths in found.items() if len(paths) > 1]:
        names = ", ".join(path.name for path in found[several[0]])
        raise InputError(f"{folder}: several files for {several[0]} ({names}); keep one")
    return [(sequence, found[sequence.name][0]) for sequence in wanted]


def _any_clips(
    config: EvaluationConfig, folder: Path, files: list[Path]
) -> list[tuple[Sequence | None, Path]]:
    if not files:
        raise InputError(f"{folder}: no clips ({', '.join(SUFFIXES)}) there")
    names = [path.stem for path in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{folder}: several files are called {min(twice)}; rename all but one")
    _check_names(config, names)
    return [(None, path) for path in files if path.stem in (config.sequences or names)]


def _check_names(config: EvaluationConfig, names: list[str]) -> None:
    if unknown := [name for name in config.sequences if name not in names]:
        raise InputError(f"sequences={unknown[0]}: not in the set; it has {', '.join(names)}")


def _is_of(path: Path, name: str) -> bool:
    stem, name = path.stem.casefold(), name.casefold()
    return stem == name or stem.startswith(f"{name}_")


def _open(config: EvaluationConfig, sequence: Sequence | None, path: Path) -> Clip:
    options: dict[str, Any] = {"matrix": config.matrix, "full_range": config.full_range}
    if config.full_range is None and not _states_range(path):
        options["full_range"] = True
    if sequence is not None and path.suffix.lower() == RAW:
        options |= {
            "size": (sequence.width, sequence.height),
            "rate": Fraction(sequence.rate),
            "pixel_format": "yuv420p",
        }
    with open_video(path, **options) as reader:
        format, count = dataclasses.replace(reader.format, siting="centre"), reader.count
        first = next(reader.yuv_frames(), None)
    if first is None:
        raise InputError(f"{path}: no frames")
    if count is None:
        with open_video(path, **options) as reader:
            count = sum(1 for _ in reader.yuv_frames())
    if sequence is not None:
        _check_described(path, sequence, format, count)
    frames = count if config.frames is None else config.frames
    if frames > count:
        raise InputError(f"{path}: has {count} frames, {frames} are wanted")
    description = Description(
        name=sequence.name if sequence else path.stem,
        width=format.width,
        height=format.height,
        frames=frames,
        rate=str(format.rate),
        matrix=format.matrix,
        full_range=format.full_range,
        bit_depth=format.bit_depth,
        chroma=format.chroma,
        siting=format.siting,
        first_frame=hashlib.sha256(b"".join(plane.tobytes() for plane in first)).hexdigest(),
    )
    return Clip(description, format, path, options)


def _states_range(path: Path) -> bool:
    """Containers do, or their standards do; raw files and most y4m files leave it open."""
    if path.suffix.lower() == ".y4m":
        with path.open("rb") as file:
            return b"COLORRANGE" in file.readline(1000)
    return path.suffix.lower() != RAW


def _check_described(path: Path, sequence: Sequence, format: VideoFormat, count: int) -> None:
    if (format.width, format.height) != (sequence.width, sequence.height):
        raise InputError(
            f"{path}: is {format.width}x{format.height}; {sequence.name} is "
            f"{sequence.width}x{sequence.height}"
        )
    if count != sequence.frames:
        raise InputError(f"{path}: has {count} frames; {sequence.name} has {sequence.frames}")
