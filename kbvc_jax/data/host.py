"""Clips decoded and cut on the host: Grain draws, reads ahead and batches them."""

import grain
import numpy as np
from absl import flags
from jaxtyping import UInt8
from PIL import Image

from kbvc_jax.data import motion, window
from kbvc_jax.data.config import DataConfig
from kbvc_jax.data.decode import BrokenError, Frames
from kbvc_jax.data.sources import Source, Tolerance, check_size, is_still, usable

Clip = UInt8[np.ndarray, "T h w 3"]


def host_clips(
    sources: list[Source], config: DataConfig, process_index: int, process_count: int
) -> grain.MapDataset:
    """The clips of this process, batch after batch, without end."""
    cutters = [_Cutter(source, config) for source in sources]
    for cutter in cutters:  # what is wrong with all of the data shows here, before any training
        cutter.random_map(0, np.random.default_rng(0))
    mixture = grain.MapDataset.mix(
        [
            grain.MapDataset.range(len(cutter.items))
            .seed(config.seed + 7919 * number)
            .shuffle()
            .repeat()
            .random_map(cutter)
            for number, cutter in enumerate(cutters)
        ],
        weights=[source.weight for source in config.sources],
    )
    share = config.batch_size // process_count
    return _Slots(mixture, config.batch_size, process_index * share, share)


def read_ahead(clips: grain.MapDataset, share: int, step: int, config: DataConfig):
    """Batches of `share` clips from number `step` on, decoded by threads or processes."""
    clips = clips[step * share :]
    if config.workers:
        if not flags.FLAGS.is_parsed():  # Grain's workers insist, whoever runs them
            flags.FLAGS.mark_as_parsed()
        batches = clips.batch(share).to_iter_dataset()
        return batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=config.workers))
    ahead = grain.ReadOptions(
        num_threads=config.threads, prefetch_buffer_size=max(4 * share, config.threads)
    )
    return clips.to_iter_dataset(ahead).batch(share)


class _Slots(grain.MapDataset):
    """One process's part of every global batch: `count` clips from the `first`."""

    def __init__(self, parent: grain.MapDataset, batch: int, first: int, count: int):
        super().__init__(parent)
        self._batch, self._first, self._count = batch, first, count

    def __len__(self) -> int:
        return len(self._parent) // self._batch * self._count

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.slice(index)
        step, slot = divmod(index, self._count)
        return self._parent[step * self._batch + self._first + slot]


class _Cutter(grain.transforms.RandomMap):
    """A number to a clip of that item; only of items long enough."""

    def __init__(self, source: Source, config: DataConfig):
        self.source, self.config = source, config
        self.items = usable(source, config)
        self.tolerance = Tolerance(source.path, len(self.items))

    def random_map(self, element: int, rng: np.random.Generator) -> dict[str, Clip]:
        while True:
            item = int(self.items[element])
            try:
                return {"frames": cut(self.source, item, rng, self.config)}
            except BrokenError as error:
                self.tolerance.record(item, error)
                element = (element + 1) % len(self.items)


def cut(source: Source, item: int, rng: np.random.Generator, config: DataConfig) -> Clip:
    """One clip, at random within an item."""
    if is_still(source):
        still, other = (source.read(k, [0])[0] for k in (item, _any(source, rng)))
        uniforms = rng.random(motion.UNIFORMS, np.float32)
        return motion.animate(still, other, uniforms, config.frames, config.crop)
    uniforms = rng.random(window.TIME_UNIFORMS, np.float32)
    times = window.draw_times(uniforms, source.lengths[item], config)
    frames = source.read(item, [int(time) for time in times])
    height, width = frames.shape[1:3]
    check_size(source, item, height, width, config)
    uniforms = rng.random(window.REGION_UNIFORMS, np.float32)
    return crop(frames, window.draw_region(uniforms, height, width, config), config)


def crop(frames: Frames, region: window.Region, config: DataConfig) -> Clip:
    height, width = frames.shape[1:3]
    size = window.region_size(height, width, config)
    top, left = min(region.top, height - size[0]), min(region.left, width - size[1])
    frames = frames[:, top : top + size[0], left : left + size[1]]
    top, left = region.top - top, region.left - left
    h, w = config.crop
    if region.scale == 1:
        frames = frames[:, top : top + h, left : left + w]
    else:
        box = left, top, min(left + w / region.scale, size[1]), min(top + h / region.scale, size[0])
        resized = [Image.fromarray(f).resize((w, h), Image.Resampling.BICUBIC, box) for f in frames]
        frames = np.stack([np.asarray(frame) for frame in resized])
    frames = frames[:, ::-1] if region.turn else frames
    return np.ascontiguousarray(frames[:, :, ::-1] if region.mirror else frames)


def _any(source: Source, rng: np.random.Generator) -> int:
    return int(rng.integers(len(source.lengths)))
