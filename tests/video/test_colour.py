import itertools

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from kbvc_jax.video.colour import rgb_from_yuv, yuv_from_rgb
from kbvc_jax.video.format import CHROMAS, MATRICES, SITINGS
from kbvc_jax.video.reader import open_video


def psnr(a, b, peak):
    return 10 * np.log10(peak**2 / np.mean((a.astype(float) - b) ** 2))


def smooth(format):
    y, x = np.mgrid[: format.height, : format.width]
    waves = [np.sin(x / 15 + y / 25 + phase) for phase in range(3)]
    kind = np.uint8 if format.bit_depth == 8 else np.uint16
    return (format.peak * (0.5 + 0.4 * np.stack(waves, axis=-1))).round().astype(kind)


# The standards' own: BT.601 and 709 bars of full amplitude, 2020's from its equations.
@pytest.mark.parametrize(
    ("matrix", "full_range", "bit_depth", "rgb", "yuv"),
    [
        ("709", False, 8, (255, 255, 255), (235, 128, 128)),
        ("709", False, 8, (0, 0, 0), (16, 128, 128)),
        ("709", True, 8, (255, 255, 255), (255, 128, 128)),
        ("709", False, 8, (255, 0, 0), (63, 102, 240)),
        ("709", False, 8, (0, 255, 0), (173, 42, 26)),
        ("709", False, 8, (0, 0, 255), (32, 240, 118)),
        ("601", False, 8, (255, 0, 0), (81, 90, 240)),
        ("601", False, 8, (0, 255, 0), (145, 54, 34)),
        ("601", False, 8, (0, 0, 255), (41, 240, 110)),
        ("601", True, 8, (255, 0, 0), (76, 85, 255)),
        ("2020", False, 10, (1023, 0, 0), (294, 387, 960)),
        ("2020", False, 10, (1023, 1023, 1023), (940, 512, 512)),
    ],
)
def test_pure_colours_have_the_samples_of_the_standard(
    format_of, matrix, full_range, bit_depth, rgb, yuv
):
    format = format_of(matrix=matrix, full_range=full_range, bit_depth=bit_depth, chroma="444")
    kind = np.uint8 if bit_depth == 8 else np.uint16
    frame = np.full((format.height, format.width, 3), rgb, kind)
    planes = yuv_from_rgb(frame, format)
    assert tuple(int(plane[0, 0]) for plane in planes) == yuv
    assert np.abs(rgb_from_yuv(planes, format).astype(int) - frame).max() <= 1


@pytest.mark.parametrize(("bit_depth", "least"), [(8, 52), (10, 64)])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_any_rgb_survives_the_round_trip(format_of, noise, matrix, full_range, bit_depth, least):
    format = format_of(
        width=128,
        height=128,
        matrix=matrix,
        full_range=full_range,
        bit_depth=bit_depth,
        chroma="444",
    )
    (frame,) = noise(format, 1)
    assert psnr(rgb_from_yuv(yuv_from_rgb(frame, format), format), frame, format.peak) > least


@pytest.mark.parametrize(("bit_depth", "least"), [(8, 50), (10, 55)])
@pytest.mark.parametrize(
    ("chroma", "siting"), [*(("420", siting) for siting in SITINGS), ("422", "left")]
)
@pytest.mark.parametrize("size", [(97, 65), (96, 64)])
def test_smooth_rgb_survives_less_chroma(format_of, chroma, siting, size, bit_depth, least):
    width, height = size
    format = format_of(
        width=width, height=height, chroma=chroma, siting=siting, bit_depth=bit_depth
    )
    frame = smooth(format)
    assert psnr(rgb_from_yuv(yuv_from_rgb(frame, format), format), frame, format.peak) > least


def test_the_clip_survives_being_rgb(clip):
    with open_video(clip) as reader:
        planes = next(reader.yuv_frames())
        again = yuv_from_rgb(rgb_from_yuv(planes, reader.format), reader.format)
    qualities = [psnr(a, b, 255) for a, b in zip(planes, again, strict=True)]
    assert qualities[0] > 75 and min(qualities) > 49


def test_the_clip_has_the_colours_that_ffmpeg_finds(clip):
    with open_video(clip) as reader:
        ours = next(iter(reader))
    exactly = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        theirs = frame.reformat(format="rgb24", interpolation=exactly).to_ndarray()
    # Chroma half a sample aside comes to 44 dB.
    assert psnr(ours, theirs, 255) > 55


@pytest.mark.parametrize(
    ("chroma", "siting", "across", "down"),
    [
        ("420", "left", 0.0, 0.5),
        ("420", "centre", 0.5, 0.5),
        ("420", "topleft", 0.0, 0.0),
        ("422", "left", 0.0, None),
    ],
)
def test_chroma_lies_where_its_siting_says(format_of, chroma, siting, across, down):
    """A slope that is sampled there lies at the luma samples again, and the other way round."""
    format = format_of(width=64, height=48, chroma=chroma, siting=siting, bit_depth=10)
    slope = lambda x, y: 512 + 4 * (x - 32)[None, :] + 2 * (y - 24)[:, None]  # noqa: E731
    x, y = np.arange(64.0), np.arange(48.0)
    chroma_y = y if down is None else y[::2] + down
    sampled = slope(x[::2] + across, chroma_y).astype(np.uint16)
    # Luma high enough for blue not to be cut off.
    planes = np.full((48, 64), 500, np.uint16), sampled, np.full_like(sampled, 512)
    blue = rgb_from_yuv(planes, format)[..., 2].astype(float)
    per_step = 1023 * 2 * (1 - 0.0722) / 896
    expected = 1023 * (500 - 64) / 876 + per_step * (slope(x, y) - 512)
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(blue - expected)[inner].max() <= 1
    again = yuv_from_rgb(rgb_from_yuv(planes, format), format)[1].astype(int)
    assert np.abs(again - sampled)[4:-4, 4:-4].max() <= 1


def test_every_kind_and_odd_size_comes_back_in_shape_and_type(format_of, noise):
    for chroma, siting, bit_depth, (width, height) in itertools.product(
        CHROMAS, SITINGS, (8, 10), ((16, 16), (17, 16), (16, 17), (33, 19))
    ):
        format = format_of(
            width=width, height=height, chroma=chroma, siting=siting, bit_depth=bit_depth
        )
        (frame,) = noise(format, 1)
        planes = yuv_from_rgb(frame, format)
        assert tuple(plane.shape for plane in planes) == format.plane_shapes
        again = rgb_from_yuv(planes, format)
        assert again.shape == frame.shape and again.dtype == frame.dtype
        assert all(plane.dtype == frame.dtype for plane in planes)


def test_flat_colour_stays_flat_to_the_edge(format_of):
    for chroma, siting in itertools.product(("420", "422", "444"), SITINGS):
        format = format_of(width=33, height=19, chroma=chroma, siting=siting)
        frame = np.full((19, 33, 3), (200, 90, 40), np.uint8)
        planes = yuv_from_rgb(frame, format)
        assert all(np.ptp(plane) == 0 for plane in planes)
        assert np.ptp(rgb_from_yuv(planes, format), axis=(0, 1)).max() == 0


def test_grey_has_one_plane_and_three_equal_colours(format_of, noise):
    format = format_of(chroma="400")
    (frame,) = noise(format, 1)
    planes = yuv_from_rgb(frame, format)
    rgb = rgb_from_yuv(planes, format)
    assert len(planes) == 1 and np.ptp(rgb, axis=-1).max() == 0
    assert np.array_equal(yuv_from_rgb(rgb, format)[0], planes[0].clip(16, 235))


def test_what_lies_beyond_the_range_is_cut_off_not_wrapped(format_of):
    format = format_of(chroma="444")
    ends = np.array([[0, 255]] * 16).repeat(16, axis=1).astype(np.uint8)
    rgb = rgb_from_yuv((ends, np.full_like(ends, 128), np.full_like(ends, 128)), format)
    assert (rgb[:, :16] == 0).all() and (rgb[:, 16:] == 255).all()


def test_strips_leave_no_seam(format_of):
    """A frame of many strips is one of few, shown wider."""
    frame = smooth(format_of(width=16, height=4200))
    tall, wide = (
        rgb_from_yuv(yuv_from_rgb(picture, format), format)
        for picture, format in (
            (frame, format_of(width=16, height=4200, siting="topleft")),
            (frame.transpose(1, 0, 2), format_of(width=4200, height=16, siting="topleft")),
        )
    )
    assert np.abs(tall.astype(int) - wide.transpose(1, 0, 2)).max() <= 1
