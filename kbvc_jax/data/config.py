"""What is trained on, declared once."""

import dataclasses
import os
from typing import Literal

from kbvc_jax.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    # "vimeo": Vimeo-90K septuplets as distributed. "videos": a folder of video files. "stills": a
    # folder of pictures, set in motion. "pack": what `python -m kbvc_jax.data.pack` wrote.
    kind: Literal["vimeo", "videos", "stills", "pack"]
    path: str  # local or gs://; a relative one is looked for in DataConfig.root
    weight: float = 1.0  # share of the clips, relative to the other sources' weights
    # Which of the folder's entries to use, one a line. Vimeo's default is sep_trainlist.txt.
    list: str = ""


@dataclasses.dataclass(frozen=True)
class DataConfig:
    sources: tuple[SourceConfig, ...] = ()
    root: str = ""
    # Of the septuplets that Vimeo's list names use those that are there, however few.
    partial: bool = False
    frames: int = 5  # of a clip
    crop: tuple[int, int] = (256, 256)  # height, width
    batch_size: int = 8  # clips a step, over all hosts
    stride: tuple[int, int] = (1, 3)  # source frames from one clip frame to the next, uniform
    # Size of the source's picture before it is cropped, log-uniform, of `scaled` of the clips; the
    # others keep theirs. Shrinking sharpens and takes the source's noise away.
    scale: tuple[float, float] = (0.7, 1.0)
    scaled: float = 0.5
    flip: bool = True  # left to right and upside down, half of the clips each
    reverse: bool = True  # half of the clips run backwards
    # Keep every frame in the memory of each device and cut the clips there.
    resident: bool = False
    seed: int = 0
    workers: int = 0  # processes that decode; 0: `threads` of this one
    threads: int = 8  # that read and decode, in each process


def source_path(source: SourceConfig, config: DataConfig) -> str:
    return source.path if "://" in source.path else os.path.join(config.root, source.path)


def check(config: DataConfig, process_count: int = 1) -> None:
    """Refuses what needs no look at the data."""
    if not config.sources:
        raise InputError("data.sources is empty: name at least one SourceConfig(kind, path)")
    for source in config.sources:
        if source.weight <= 0:
            raise InputError(f"data source {source.path}: weight={source.weight}; must be above 0")
        if source.kind == "pack" and source.list:
            raise InputError(f"data source {source.path}: a pack has no list; pack fewer clips")
    low, high = config.stride
    if not 1 <= low <= high:
        raise InputError(f"data.stride={config.stride}; must be two rising numbers from 1 up")
    if not 0 < config.scale[0] <= config.scale[1]:
        raise InputError(f"data.scale={config.scale}; must be two rising numbers above 0")
    if config.frames < 1 or min(config.crop) < 1:
        raise InputError(f"data.frames={config.frames}, data.crop={config.crop}; must be positive")
    if config.batch_size < 1 or config.batch_size % process_count:
        raise InputError(
            f"data.batch_size={config.batch_size} cannot be divided among {process_count} "
            f"process(es); use a multiple of {process_count}"
        )
