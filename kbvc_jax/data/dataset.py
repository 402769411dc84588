"""The clips of a run, batch after batch.

sources --> items --> clips of `frames` x crop --> uint8 batches, this process's share
"""

import dataclasses
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, UInt8

from kbvc_jax.data.config import DataConfig, check
from kbvc_jax.data.sources import check_size, is_still, open_source, usable
from kbvc_jax.runtime.errors import InputError

Batch = dict[str, UInt8[Array | np.ndarray, "B T H W 3"]]


@runtime_checkable
class Dataset(Protocol):
    """Endless. Batch n of all processes together depends on the config and n alone."""

    def __iter__(self) -> Iterator[Batch]: ...
    def __next__(self) -> Batch: ...
    def get_state(self) -> dict[str, int]: ...
    def set_state(self, state: dict[str, int]) -> None: ...


def make_dataset(config: DataConfig, process_index: int = 0, process_count: int = 1) -> Dataset:
    """Refuses missing or unusable data at once."""
    check(config, process_count)
    make = ResidentDataset if config.resident else HostDataset
    return make(config, process_index, process_count)


class HostDataset:
    """Decoded by this host, ahead of the step."""

    def __init__(self, config: DataConfig, process_index: int, process_count: int):
        # Grain, which resident data does without.
        from kbvc_jax.data.host import host_clips, read_ahead

        sources = [open_source(source, config) for source in config.sources]
        clips = host_clips(sources, config, process_index, process_count)
        share = config.batch_size // process_count
        self._from = lambda step: iter(read_ahead(clips, share, step, config))
        self._step, self._running = 0, None

    def __iter__(self) -> "HostDataset":
        return self

    def __next__(self) -> Batch:
        self._running = self._running or self._from(self._step)
        batch = next(self._running)
        self._step += 1
        return batch

    def get_state(self) -> dict[str, int]:
        return {"step": self._step}

    def set_state(self, state: dict[str, int]) -> None:
        self._step, self._running = state["step"], None


class ResidentDataset:
    """Cut on the devices from frames that stay there; the batch is sharded over them."""

    def __init__(self, config: DataConfig, process_index: int, process_count: int):
        from kbvc_jax.data.resident import load_clips

        self._config, self._step = config, 0
        self._share = config.batch_size // process_count
        self._first = process_index * self._share
        self._devices = jax.local_devices()
        if self._share % len(self._devices):
            self._devices = self._devices[:1]
        sources = [open_source(source, config) for source in config.sources]
        self._stills = tuple(is_still(source) for source in sources)
        clips = tuple(load_clips(source, config) for source in sources)
        self._clips = [jax.device_put(clips, device) for device in self._devices]

    def __iter__(self) -> "ResidentDataset":
        return self

    def __next__(self) -> Batch:
        shares = np.arange(self._share).reshape(len(self._devices), -1) + self._first
        pieces = [self._cut(clips, slots) for clips, slots in zip(self._clips, shares, strict=True)]
        self._step += 1
        if len(pieces) == 1:
            return {"frames": pieces[0]}
        sharding = NamedSharding(Mesh(self._devices, ("batch",)), PartitionSpec("batch"))
        shape = (self._share, *pieces[0].shape[1:])
        return {"frames": jax.make_array_from_single_device_arrays(shape, sharding, pieces)}

    def _cut(self, clips, slots):
        from kbvc_jax.data.resident import resident_batch, source_of

        config = self._config
        numbers = self._step * config.batch_size + slots
        chosen = source_of(numbers, [source.weight for source in config.sources])
        key = jax.random.fold_in(jax.random.key(config.seed), self._step)
        grouped = tuple(slots[chosen == k].astype(np.int32) for k in range(len(clips)))
        # Compiled once for all data that is cut alike.
        cutting = dataclasses.replace(config, sources=(), root="", seed=0)
        return resident_batch(clips, self._stills, key, grouped, cutting)

    def get_state(self) -> dict[str, int]:
        return {"step": self._step}

    def set_state(self, state: dict[str, int]) -> None:
        self._step = state["step"]


def validation_clips(config: DataConfig, count: int) -> UInt8[np.ndarray, "B T H W 3"]:
    """The same clips always: spread evenly over the videos' frames, from the pictures' middle."""
    check(config)
    sources = [open_source(source, config) for source in config.sources]
    items = [(s, int(k)) for s in sources if not is_still(s) for k in usable(s, config)]
    if not items:
        raise InputError("validation needs videos: its data.sources are all stills")
    ends = np.cumsum([source.lengths[item] for source, item in items])
    clips = []
    for centre in (ends[-1] * (2 * k + 1) // (2 * count) for k in range(count)):
        number = int(np.searchsorted(ends, centre, side="right"))
        source, item = items[number]
        length = int(source.lengths[item])
        stride = min(config.stride[0], (length - 1) // max(1, config.frames - 1))
        span = (config.frames - 1) * stride
        first = int(np.clip(centre - ends[number] + length - span // 2, 0, length - 1 - span))
        frames = source.read(item, [first + stride * k for k in range(config.frames)])
        height, width = frames.shape[1:3]
        check_size(source, item, height, width, config)
        top, left = (height - config.crop[0]) // 2, (width - config.crop[1]) // 2
        clips.append(frames[:, top : top + config.crop[0], left : left + config.crop[1]])
    return np.stack(clips)
