import os
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
from data.footage import texture
from PIL import Image

from kbvc_jax.data import resident
from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.data.resident import Clips, load_clips, resident_batch, source_of
from kbvc_jax.data.sources import open_source
from kbvc_jax.runtime.errors import InputError

CONFIG = DataConfig(frames=3, crop=(16, 16), scaled=0.0, stride=(1, 2))


def cut(clips: Clips, count: int, config=CONFIG) -> np.ndarray:
    slots = (np.arange(count, dtype=np.int32),)
    return np.asarray(resident_batch((clips,), (False,), jax.random.key(0), slots, config))


def test_clips_do_not_reach_into_their_neighbours():
    """Every frame is filled with its number; two clips, of 4 and 9 frames."""
    numbers = np.arange(13, dtype=np.uint8)
    frames = np.broadcast_to(numbers[:, None, None, None], (13, 20, 24, 3))
    clips = Clips(np.array(frames), np.array([0, 4], np.int32), np.array([4, 9], np.int32))
    found = cut(clips, 300)[:, :, 0, 0, 0].astype(int)
    assert np.all((found < 4) == (found[:, :1] < 4))
    assert set(np.abs(np.diff(found)).ravel()) == {1, 2}
    assert set(found.ravel()) == set(range(13))
    assert 0.2 < np.mean(found[:, 0] < 4) < 0.42  # in proportion to the frames


def test_crops_are_exact_parts_of_the_picture():
    picture = texture(0, 24, 32)
    clips = Clips(np.stack([picture] * 3), np.zeros(1, np.int32), np.full(1, 3, np.int32))
    windows = {
        turned[top : top + 16, left : left + 16].tobytes()
        for turned in (picture, picture[::-1], picture[:, ::-1], picture[::-1, ::-1])
        for top in range(9)
        for left in range(17)
    }
    found = [clip[0].tobytes() for clip in cut(clips, 64)]
    assert set(found) <= windows
    assert len(set(found)) > 40


def test_a_slot_is_the_same_whatever_else_is_cut_with_it():
    frames = np.stack([texture(k, 24, 32) for k in range(8)])
    clips = Clips(frames, np.zeros(1, np.int32), np.full(1, 8, np.int32))
    alone = resident_batch(
        (clips,), (False,), jax.random.key(0), (np.array([2], np.int32),), CONFIG
    )
    np.testing.assert_array_equal(alone[0], cut(clips, 4)[2])


def test_the_weights_decide_how_often_a_source_is_used():
    chosen = source_of(np.arange(1000), [3.0, 1.0])
    assert abs(np.sum(chosen == 1) - 250) < 5
    # Evenly spread: no batch of eight has fewer than one or more than three.
    assert set(np.sum(chosen.reshape(-1, 8) == 1, axis=1)) <= {1, 2, 3}


def test_one_size_is_needed(tmp_path):
    for number, width in enumerate((64, 72)):
        Image.fromarray(texture(0, 48, width)).save(tmp_path / f"{number}.png")
    config = replace(CONFIG, sources=(SourceConfig("stills", str(tmp_path)),))
    with pytest.raises(InputError, match=r"1\.png is 72x48.*pack it with --size"):
        load_clips(open_source(config.sources[0], config), config)


def test_what_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    for number in range(4):
        Image.fromarray(texture(0, 48, 64)).save(tmp_path / f"{number}.png")
    config = replace(CONFIG, sources=(SourceConfig("stills", str(tmp_path)),))
    source, size = open_source(config.sources[0], config), 4 * 48 * 64 * 3
    monkeypatch.setattr(resident, "_memory", lambda: 2 * size)
    assert len(load_clips(source, config).frames) == 4
    monkeypatch.setattr(resident, "_memory", lambda: 2 * size - 1)
    with pytest.raises(InputError, match=r"4 frames of 64x48 take .* data\.resident=false"):
        load_clips(source, config)


def test_local_devices_share_a_batch(stills):
    """In a process of its own: the number of devices is settled when JAX starts."""
    script = f"""
import jax, numpy as np
from kbvc_jax.data.dataset import make_dataset
from kbvc_jax.data.config import DataConfig, SourceConfig
source = SourceConfig("stills", {str(stills)!r})
config = DataConfig((source,), crop=(16, 16), frames=2, batch_size=4, resident=True)
shared = next(make_dataset(config))["frames"]
assert len(shared.sharding.device_set) == 2
one = jax.local_devices()[:1]
jax.local_devices = lambda: one
np.testing.assert_array_equal(next(make_dataset(config))["frames"], shared)
print("same")
"""
    flags = "--xla_force_host_platform_device_count=2"
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )
    assert run.stdout.strip() == "same", run.stderr
