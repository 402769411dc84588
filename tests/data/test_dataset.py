import logging
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from data.footage import texture
from PIL import Image

from kbvc_jax.data import host, resident, window
from kbvc_jax.data.config import DataConfig, SourceConfig
from kbvc_jax.data.dataset import make_dataset, validation_clips
from kbvc_jax.data.sources import open_source
from kbvc_jax.runtime.errors import InputError


@pytest.fixture
def config(vimeo, stills) -> DataConfig:
    return DataConfig(
        sources=(SourceConfig("vimeo", "vimeo"), SourceConfig("stills", "stills", weight=0.5)),
        root=str(vimeo.parent),
        crop=(32, 32),
        batch_size=4,
        threads=2,
    )


@pytest.fixture(params=[False, True], ids=["host", "resident"])
def either(config, request) -> DataConfig:
    return replace(config, resident=request.param)


def batches(config, count, start=0, **processes):
    dataset = make_dataset(config, **processes)
    dataset.set_state({"step": start})
    return np.stack([np.asarray(next(dataset)["frames"]) for _ in range(count)])


def test_batches_have_the_shape_asked_for_and_differ(either):
    found = batches(either, 2)
    assert found.shape == (2, 4, 5, 32, 32, 3)
    assert found.dtype == np.uint8
    assert len(np.unique(found.reshape(8, -1), axis=0)) == 8


def test_a_run_resumes_where_its_state_was_taken(either):
    dataset = make_dataset(either)
    for _ in range(2):
        next(dataset)
    state = dataset.get_state()
    after = np.asarray(next(dataset)["frames"])
    np.testing.assert_array_equal(batches(either, 1, state["step"])[0], after)


def test_the_seed_decides(either):
    np.testing.assert_array_equal(batches(either, 2), batches(either, 2))
    assert (batches(either, 1) != batches(replace(either, seed=1), 1)).any()


def test_processes_share_the_batch_that_one_would_have(either):
    parts = [batches(either, 2, process_index=k, process_count=2) for k in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), batches(either, 2))


@pytest.mark.slow
def test_worker_processes_give_the_same_clips(config):
    np.testing.assert_array_equal(batches(replace(config, workers=2), 3, 1), batches(config, 3, 1))


def test_host_and_device_cut_a_region_alike(config):
    """The same frames, the same draw: Pillow's resampling against XLA's."""
    config = replace(config, frames=3, scale=(0.6, 1.0))
    frames = np.stack([texture(k, 96, 112) for k in range(3)])
    for uniforms in np.random.default_rng(0).random((12, window.REGION_UNIFORMS), np.float32):
        on_host = host.crop(frames, window.draw_region(uniforms, 96, 112, config), config)
        region = window.draw_region(jnp.asarray(uniforms), 96, 112, config)
        on_device = resident.crop(jnp.asarray(frames), jnp.arange(3), region, config)
        assert np.abs(on_host.astype(int) - np.asarray(on_device)).max() <= 2


def test_a_broken_picture_is_named_and_another_takes_its_place(tmp_path, config, caplog):
    folder = tmp_path / "many"
    folder.mkdir()
    Image.fromarray(texture(0)).save(folder / "0000.png")
    for number in range(1, 1500):
        (folder / f"{number:04d}.png").symlink_to(folder / "0000.png")
    (folder / "0007.png").unlink()
    (folder / "0007.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    config = replace(config, sources=(SourceConfig("stills", "many"),))
    cutter = host._Cutter(open_source(config.sources[0], config), config)
    with caplog.at_level(logging.WARNING):
        assert cutter.random_map(7, np.random.default_rng(0))["frames"].shape == (5, 32, 32, 3)
    assert "0007.png" in caplog.text
    (folder / "0008.png").unlink()
    (folder / "0008.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"0008\.png: .*; 2 of 1500"):
        cutter.random_map(8, np.random.default_rng(0))


def test_broken_data_is_refused_before_the_first_batch(either, vimeo):
    for path in vimeo.glob("sequences/*/*/im*.png"):
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"im\d\.png: .* are broken"):
        make_dataset(either)


def test_pictures_smaller_than_the_crop_are_refused(either):
    with pytest.raises(InputError, match=r"64x48 is smaller than data\.crop, 64x64"):
        make_dataset(replace(either, crop=(64, 64)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": ()}, "data.sources is empty"),
        ({"batch_size": 5}, "cannot be divided among 2"),
        ({"stride": (3, 1)}, "data.stride"),
        ({"scale": (0.0, 1.0)}, "data.scale"),
        ({"frames": 0}, "must be positive"),
        ({"sources": (SourceConfig("pack", "x", weight=0.0),)}, "weight=0"),
        ({"sources": (SourceConfig("pack", "x", list="y"),)}, "a pack has no list"),
    ],
)
def test_configs_that_cannot_work_are_refused(config, change, message):
    with pytest.raises(InputError, match=message):
        make_dataset(replace(config, **change), process_count=2)


def test_validation_clips_are_fixed_and_from_different_videos(config):
    clips = validation_clips(config, 3)
    assert clips.shape == (3, 5, 32, 32, 3)
    np.testing.assert_array_equal(clips, validation_clips(replace(config, seed=5), 3))
    for number, clip in enumerate(clips):
        expected = np.roll(texture(number), 1, 1)[8:40, 16:48]  # the second of seven frames
        np.testing.assert_array_equal(clip[0], expected)


def test_validation_takes_several_clips_of_a_long_video(videos):
    config = DataConfig((SourceConfig("videos", str(videos)),), crop=(64, 64))
    clips = validation_clips(config, 6)
    assert len({clip.tobytes() for clip in clips}) == 6


def test_validation_needs_videos(config):
    with pytest.raises(InputError, match="all stills"):
        validation_clips(replace(config, sources=config.sources[1:]), 2)
