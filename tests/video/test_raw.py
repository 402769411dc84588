import numpy as np
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video import raw
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.format import CHROMAS
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video


def name_of(format):
    name = "gray" if format.chroma == "400" else f"yuv{format.chroma}p"
    return name + ("10le" if format.bit_depth == 10 else "")


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("chroma", CHROMAS)
def test_planes_come_back_to_the_bit(tmp_path, format_of, noise, chroma, bit_depth):
    format = format_of(width=33, height=17, chroma=chroma, bit_depth=bit_depth)
    frames, path = noise(format), tmp_path / "a.yuv"
    with create_video(path, format) as writer:
        for frame in frames:
            writer.write(frame)
    assert path.stat().st_size == len(frames) * format.frame_bytes
    described = {"size": (33, 17), "rate": format.rate, "pixel_format": name_of(format)}
    with open_video(path, **described) as reader:
        assert reader.format == format and reader.count == len(frames)
        for planes, frame in zip(reader.yuv_frames(), frames, strict=True):
            assert all(map(np.array_equal, planes, yuv_from_rgb(frame, format)))


def test_the_j_of_a_pixel_format_is_full_range_unless_told_otherwise(tmp_path):
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(16 * 16 * 3 // 2))
    described = {"size": (16, 16), "pixel_format": "yuvj420p"}
    assert open_video(path, **described).format.full_range
    assert not open_video(path, **described, full_range=False).format.full_range


@pytest.mark.parametrize("name", ["nv12", "yuv411p", "yuv420p12le", "gray16", ""])
def test_other_pixel_formats_are_refused_with_those_that_are_read(name):
    with pytest.raises(InputError, match="must be yuv420p"):
        raw.parse_pixel_format(name)


def test_the_size_has_to_be_said(tmp_path):
    (tmp_path / "a.yuv").write_bytes(b"0" * 100)
    with pytest.raises(InputError, match=r"a\.yuv: .*--size"):
        open_video(tmp_path / "a.yuv")


def test_half_a_frame_is_found_before_work_begins_but_not_where_it_is_not_wanted(tmp_path):
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(16 * 16 * 3 // 2 * 5 // 2))
    with pytest.raises(InputError, match="2 frames of 384 bytes and 192 bytes more"):
        open_video(path, size=(16, 16))
    with open_video(path, size=(16, 16), frames=2) as reader:
        assert len(list(reader)) == reader.count == 2
