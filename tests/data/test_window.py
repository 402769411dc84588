import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.data import window
from kbvc_jax.data.config import DataConfig

CONFIG = DataConfig(frames=5, crop=(32, 48), stride=(1, 3), scale=(0.5, 1.0))


def draws(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, size), np.float32)


def test_times_use_every_stride_and_both_directions_and_stay_inside():
    steps = set()
    for uniforms in draws(500, 3):
        times = window.draw_times(uniforms, 14, CONFIG)
        assert times.min() >= 0
        assert times.max() < 14
        steps |= set(np.diff(times))
    assert steps == {-3, -2, -1, 1, 2, 3}


def test_times_reach_both_ends_of_the_clip():
    times = [window.draw_times(uniforms, 14, CONFIG) for uniforms in draws(500, 3)]
    assert min(map(min, times)) == 0
    assert max(map(max, times)) == 13


def test_the_stride_shrinks_where_a_clip_is_short():
    for uniforms in draws(50, 3):
        times = window.draw_times(uniforms, 6, CONFIG)
        assert set(abs(np.diff(times))) == {1}


@pytest.mark.parametrize("size", [(32, 48), (33, 49), (60, 200)])
def test_regions_stay_inside_the_picture(size):
    region_size = window.region_size(*size, CONFIG)
    for uniforms in draws(500, 6):
        region = window.draw_region(uniforms, *size, CONFIG)
        for start, crop, length, largest in zip(
            region[:2], CONFIG.crop, size, region_size, strict=True
        ):
            assert start >= 0
            assert start + crop / region.scale <= length + 1e-2
            assert crop / region.scale <= largest + 1e-2


def test_half_of_the_regions_keep_the_source_scale():
    scales = [window.draw_region(u, 100, 200, CONFIG).scale for u in draws(1000, 6)]
    assert 0.4 < np.mean(np.array(scales) == 1) < 0.6
    assert min(scales) < 0.55


def test_host_and_device_draw_the_same():
    for uniforms in draws(20, 9):
        on_device = jnp.asarray(uniforms)
        times = window.draw_times(uniforms[:3], 30, CONFIG)
        np.testing.assert_array_equal(window.draw_times(on_device[:3], 30, CONFIG), times)
        region = window.draw_region(uniforms[3:], 100, 200, CONFIG)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
            window.draw_region(on_device[3:], 100, 200, CONFIG),
            region,
        )
