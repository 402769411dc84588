"""Every frame in device memory, clips cut there: the host sends three numbers a step.

Loading needs NumPy and Pillow, and PyAV or OpenCV where the pack holds video.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key, UInt8

from kbvc_jax.data import motion, window
from kbvc_jax.data.config import DataConfig
from kbvc_jax.data.decode import BrokenError
from kbvc_jax.data.sources import Source, Tolerance, check_size, is_still
from kbvc_jax.runtime.errors import InputError


class Clips(NamedTuple):
    """A source's frames, one clip after the other."""

    frames: UInt8[Array | np.ndarray, "N H W 3"]
    firsts: Int[Array | np.ndarray, "C"]
    lengths: Int[Array | np.ndarray, "C"]


def load_clips(source: Source, config: DataConfig) -> Clips:
    """On the host; joins the parts of a clip, drops what is shorter than a clip."""
    tolerance, broken = Tolerance(source.path, len(source.lengths)), set()
    height, width = _picture_size(source, tolerance)
    if not is_still(source):
        check_size(source, 0, height, width, config)
    _check_room(source, height, width)
    firsts = np.cumsum(source.lengths) - source.lengths
    frames = np.empty((int(sum(source.lengths)), height, width, 3), np.uint8)

    def load(item: int) -> None:
        try:
            found = source.read(item, range(source.lengths[item]))
        except BrokenError as error:
            tolerance.record(item, error)
            broken.add(item)
            return
        if found.shape[1:3] != (height, width):
            raise InputError(
                f"{source.path}: {source.names[item]} is {found.shape[2]}x{found.shape[1]}, the "
                f"first one {width}x{height}; resident data has one size: pack it with --size"
            )
        frames[firsts[item] : firsts[item] + len(found)] = found

    with ThreadPoolExecutor(config.threads) as pool:
        list(pool.map(load, range(len(source.lengths))))
    runs = _runs(source, broken)
    least = 1 if is_still(source) else config.frames
    runs = [(firsts[a], sum(source.lengths[a:b])) for a, b in runs]
    runs = np.array([run for run in runs if run[1] >= least], np.int32)
    return Clips(frames, runs[:, 0], runs[:, 1])


def _check_room(source: Source, height: int, width: int) -> None:
    """Refuses what would have the machine run out of memory: half of it is for training."""
    count, room = int(sum(source.lengths)), _memory()
    size = count * height * width * 3
    if 2 * size > room:
        raise InputError(
            f"{source.path}: {count:,} frames of {width}x{height} take {size / 2**30:.1f} GiB, "
            f"more than half of {room / 2**30:.1f}; take fewer or smaller ones, "
            "or set data.resident=false"
        )


def _memory() -> float:
    """Bytes: the device's; of a processor the machine's, where it can be asked."""
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    if limit is None and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return limit or math.inf


def _picture_size(source: Source, tolerance: Tolerance) -> tuple[int, int]:
    """Of the first item that can be read."""
    for item in range(len(source.lengths)):
        try:
            _, height, width, _ = source.read(item, [0]).shape
            return height, width
        except BrokenError as error:
            tolerance.record(item, error)
    raise AssertionError("some item is readable, or the tolerance has raised")


def _runs(source: Source, broken: set[int]) -> list[tuple[int, int]]:
    """Ranges of items, each a clip's consecutive parts."""
    runs: list[tuple[int, int]] = []
    for item, name in enumerate(source.names):
        if item in broken:
            continue
        if runs and runs[-1][1] == item and source.names[item - 1] == name:
            runs[-1] = runs[-1][0], item + 1
        else:
            runs.append((item, item + 1))
    return runs


@partial(jax.jit, static_argnames=("stills", "config"))
def resident_batch(
    clips: tuple[Clips, ...],
    stills: tuple[bool, ...],
    key: Key[Array, ""],
    slots: tuple[Int[Array, "_"], ...],
    config: DataConfig,
) -> UInt8[Array, "B T h w 3"]:
    """One clip for each slot of the batch, in rising order of the slots; slots[k] are clips[k]'s.

    A slot's clip depends on the key and its number alone, whatever device it is cut on.
    """
    parts = []
    for source, still, numbers in zip(clips, stills, slots, strict=True):
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)
        cut = _animate_still if still else _cut_clip
        if len(numbers):
            parts.append(jax.vmap(partial(cut, source, config=config))(keys))
    order = jnp.argsort(jnp.concatenate(slots))
    return jnp.concatenate(parts)[order]


def _cut_clip(clips: Clips, key: Key[Array, ""], config: DataConfig) -> UInt8[Array, "T h w 3"]:
    which, when, where = jax.random.split(key, 3)
    # Longer clips come more often.
    ends = jnp.cumsum(clips.lengths)
    clip = jnp.searchsorted(ends, jax.random.randint(which, (), 0, ends[-1]), side="right")
    uniforms = jax.random.uniform(when, (window.TIME_UNIFORMS,))
    times = clips.firsts[clip] + window.draw_times(uniforms, clips.lengths[clip], config)

    uniforms = jax.random.uniform(where, (window.REGION_UNIFORMS,))
    height, width = clips.frames.shape[1:3]
    region = window.draw_region(uniforms, height, width, config)
    return crop(clips.frames, times, region, config)


def crop(
    frames: UInt8[Array | np.ndarray, "N H W 3"],
    times: Int[Array, "T"],
    region: window.Region,
    config: DataConfig,
) -> UInt8[Array, "T h w 3"]:
    height, width = frames.shape[1:3]
    size = window.region_size(height, width, config)
    top, left = jnp.minimum(region.top, height - size[0]), jnp.minimum(region.left, width - size[1])
    clip = jax.vmap(
        lambda time: jax.lax.dynamic_slice(
            jnp.asarray(frames), (time, top, left, 0), (1, *size, 3)
        )[0]
    )(times)
    if config.scaled:
        clip = jax.image.scale_and_translate(
            clip.astype(jnp.float32),
            (len(times), *config.crop, 3),
            (1, 2),
            jnp.stack([region.scale, region.scale]),
            -region.scale * jnp.stack([region.top - top, region.left - left]),
            "cubic",
        )
        clip = jnp.clip(jnp.round(clip), 0, 255).astype(jnp.uint8)
    clip = jnp.where(region.turn, clip[:, ::-1], clip)
    return jnp.where(region.mirror, clip[:, :, ::-1], clip)


def _animate_still(
    clips: Clips, key: Key[Array, ""], config: DataConfig
) -> UInt8[Array, "T h w 3"]:
    which, how = jax.random.split(key)
    still, other = jax.random.randint(which, (2,), 0, len(clips.frames))
    uniforms = jax.random.uniform(how, (motion.UNIFORMS,))
    return motion.animate(
        clips.frames[still], clips.frames[other], uniforms, config.frames, config.crop
    )


def source_of(numbers: Int[np.ndarray, "_"], weights: Sequence[float]) -> Int[np.ndarray, "_"]:
    """Which source each clip of the run comes from: in proportion to the weights, evenly spread."""
    golden = (numbers * 0.6180339887498949) % 1
    return np.searchsorted(np.cumsum(weights) / sum(weights), golden, side="right")
