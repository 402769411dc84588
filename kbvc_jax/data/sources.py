"""Where clips come from: each source is a list of items, an item some consecutive frames."""

import json
import logging
import shlex
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from etils import epath
from jaxtyping import Int

from kbvc_jax.data.config import DataConfig, SourceConfig, source_path
from kbvc_jax.data.decode import BrokenError, Frames, read_picture, read_video, video_length
from kbvc_jax.data.parts import PartReader
from kbvc_jax.data.records import decode_record
from kbvc_jax.runtime.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".y4m", ".ts")
# Frames of a long video that make one item; a clip does not reach over its end.
STRETCH = 64
PACK_VERSION = 1
# Broken items beyond this share are no accident.
BROKEN_SHARE = 1e-3

Result = TypeVar("Result")
log = logging.getLogger(__name__)


@runtime_checkable
class Source(Protocol):
    path: str

    @property
    def names(self) -> Sequence[str]:
        """Of the items; consecutive ones with the same name are parts of one video."""
        ...

    @property
    def lengths(self) -> Int[np.ndarray, "N"]:
        """Frames of each item."""
        ...

    def read(self, item: int, times: Sequence[int]) -> Frames: ...


def find_source(source: SourceConfig, config: DataConfig) -> str:
    """Where it lies; refuses what is not there."""
    path = source_path(source, config)
    if not epath.Path(path).exists():
        raise InputError(f"data source {path}: no such folder; set data.root or the source's path")
    return path


def open_source(source: SourceConfig, config: DataConfig) -> Source:
    """Finds the source's items and drops those too short for a clip; refuses an empty list."""
    path = find_source(source, config)
    options = {"partial": config.partial} if source.kind == "vimeo" else {}
    opened = KINDS[source.kind](path, source.list, **options)
    if len(opened.lengths) == 0:
        raise InputError(f"data source {path}: holds nothing of kind {source.kind!r}")
    if not is_still(opened) and max(opened.lengths) < config.frames:
        raise InputError(
            f"data source {path}: its longest clip has {max(opened.lengths)} frames; "
            f"data.frames={config.frames} needs longer ones"
        )
    return opened


def is_still(source: Source) -> bool:
    """Single pictures, which become clips only when set in motion."""
    return bool(max(source.lengths) == 1)


def usable(source: Source, config: DataConfig) -> Int[np.ndarray, "N"]:
    """The items long enough for a clip."""
    return np.flatnonzero(source.lengths >= (1 if is_still(source) else config.frames))


def check_size(source: Source, item: int, height: int, width: int, config: DataConfig) -> None:
    if height < config.crop[0] or width < config.crop[1]:
        raise InputError(
            f"{source.path}: {source.names[item]}: {width}x{height} is smaller than data.crop, "
            f"{config.crop[1]}x{config.crop[0]}"
        )


class VimeoSource:
    """Septuplets as distributed: sequences/00001/0001/im1.png, sep_trainlist.txt."""

    def __init__(self, path: str, listed: str = "", partial: bool = False):
        self.path = path
        root, listed = epath.Path(path), listed or "sep_trainlist.txt"
        names = read_list(root / listed)
        groups = {name.split("/")[0] for name in names}
        there = {
            f"{group}/{entry.name}"
            for group in sorted(groups)
            if (root / "sequences" / group).is_dir()
            for entry in (root / "sequences" / group).iterdir()
        }
        if missing := [name for name in names if name not in there]:
            _check_missing(path, listed, names, missing, partial)
        self.names = [name for name in names if name in there]
        self.lengths = np.full(len(self.names), 7)

    def read(self, item: int, times: Sequence[int]) -> Frames:
        folder = f"{self.path}/sequences/{self.names[item]}"
        return stack(folder, [read_picture(f"{folder}/im{time + 1}.png") for time in times])


def _check_missing(
    path: str, listed: str, names: Sequence[str], missing: Sequence[str], partial: bool
) -> None:
    """Refuses a list for the whole of Vimeo over a part of it, unless that is wanted."""
    if len(missing) == len(names):
        raise InputError(
            f"data source {path}: none of the {len(names)} septuplets in {listed} is there, the "
            f"first as sequences/{names[0]}; set data.root or the source's path"
        )
    if len(missing) > BROKEN_SHARE * len(names) and not partial:
        sequences = shlex.quote(f"{path}/sequences")
        raise InputError(
            f"data source {path}: {len(missing)} of the {len(names)} septuplets in {listed} are "
            f"missing, {missing[0]} the first; data.partial=true (or validation.data.partial=true) "
            "uses the others, and so does a list of them as the source's list or pack's --list: "
            f"(cd {sequences} && ls -d */* | grep -xFf ../{listed} > ../sep_partlist.txt)"
        )
    log.warning("%s: %d of %d septuplets are missing", path, len(missing), len(names))


class VideoSource:
    """A folder of video files; a long one is many items."""

    def __init__(self, path: str, listed: str = ""):
        self.path = path

        def length(name: str):
            return name, *video_length(f"{path}/{name}")

        files = keep(path, find(path, listed, VIDEOS), length)
        items = [(name, *cut, rate) for name, frames, rate in files for cut in stretches(frames)]
        self.names = [item[0] for item in items]
        self._firsts, self._rates = [item[1] for item in items], [item[3] for item in items]
        self.lengths = np.array([item[2] for item in items], np.int64)

    def read(self, item: int, times: Sequence[int]) -> Frames:
        times = [self._firsts[item] + time for time in times]
        return read_video(f"{self.path}/{self.names[item]}", times, self._rates[item])


class StillSource:
    """A folder of pictures."""

    def __init__(self, path: str, listed: str = ""):
        self.path = path
        self.names = find(path, listed, PICTURES)
        self.lengths = np.ones(len(self.names), np.int64)

    def read(self, item: int, times: Sequence[int]) -> Frames:
        return read_picture(f"{self.path}/{self.names[item]}")[None][[0 for _ in times]]


class PackSource:
    """What `python -m kbvc_jax.data.pack` wrote."""

    def __init__(self, path: str, listed: str = ""):
        self.path = path
        folder = epath.Path(path)
        if not (folder / "pack.json").exists():
            raise InputError(f"data source {path}: no pack.json there; write a pack with "
                             "python -m kbvc_jax.data.pack")  # fmt: skip
        try:
            index = json.loads((folder / "pack.json").read_text())
            if index["version"] != PACK_VERSION:
                found = f"version {index['version']}, wanted {PACK_VERSION}"
                raise InputError(f"{path}/pack.json: {found}: pack anew")
            self.codec = index["codec"]
            self.names = [record[0] for record in index["records"]]
            self.shapes = [tuple(record[2:5]) for record in index["records"]]
            self._records = PartReader(folder, index["parts"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(f"{path}/pack.json: damaged ({error!r}): pack anew") from error
        self.lengths = np.array([shape[0] for shape in self.shapes], np.int64)

    def read(self, item: int, times: Sequence[int]) -> Frames:
        try:
            return decode_record(self._records[item], self.codec, self.shapes[item], times)
        except Exception as error:  # whatever a decoder says to bad bytes
            raise BrokenError(f"{self.path}: {self.names[item]}: {error!r}") from error


KINDS: dict[str, Callable[..., Source]] = {
    "vimeo": VimeoSource,
    "videos": VideoSource,
    "stills": StillSource,
    "pack": PackSource,
}


class Tolerance:
    """Names broken items and lets the next one take their place, until they are too many."""

    def __init__(self, path: str, total: int):
        self.path, self.total = path, total
        self._broken: set[object] = set()
        self._lock = threading.Lock()

    def record(self, item: object, error: BrokenError) -> None:
        with self._lock:
            known = item in self._broken
            self._broken.add(item)
        # Each thread that comes to a broken one has to end, and not the first alone.
        if len(self._broken) > BROKEN_SHARE * self.total:
            raise InputError(
                f"{error}; {len(self._broken)} of {self.total} in {self.path} are broken, "
                f"{BROKEN_SHARE:.1%} may be: mend the data or take them off the list"
            )
        if not known:
            log.warning("skipped, broken: %s", error)

    def __getstate__(self):
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())


def keep(path: str, names: Sequence[str], look: Callable[[str], Result | None]) -> list[Result]:
    """What `look` finds for each name, without the broken and the missing while they are few."""
    tolerance, found = Tolerance(path, len(names)), []
    for name in names:
        try:
            if (result := look(name)) is None:
                raise BrokenError(f"{path}: {name} is missing")
            found.append(result)
        except BrokenError as error:
            tolerance.record(name, error)
    return found


def find(path: str, listed: str, suffixes: Sequence[str]) -> list[str]:
    """Files in a folder and its subfolders, or those that a list in it names."""
    root = epath.Path(path)
    if listed:
        return read_list(root / listed)
    files = [*root.glob("*"), *root.glob("*/*")]
    return sorted(str(file.relative_to(root)) for file in files if file.suffix.lower() in suffixes)


def read_list(path: epath.Path) -> list[str]:
    if not path.exists():
        raise InputError(f"{path}: no such list")
    if names := [line.strip() for line in path.read_text().splitlines() if line.strip()]:
        return names
    raise InputError(f"{path}: an empty list")


def stretches(frames: int, longest: int = STRETCH) -> list[tuple[int, int]]:
    """(first, length) of nearly equal parts of at most `longest` frames."""
    parts = -(-frames // longest)
    edges = [frames * k // parts for k in range(parts + 1)] if parts else [0]
    return [(a, b - a) for a, b in zip(edges, edges[1:], strict=False)]


def stack(name: str, frames: Sequence[np.ndarray]) -> Frames:
    if len({frame.shape for frame in frames}) > 1:
        raise BrokenError(f"{name}: frames of several sizes")
    return np.stack(frames)
