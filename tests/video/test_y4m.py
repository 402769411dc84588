import io

import numpy as np
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video import y4m
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.format import CHROMAS, SITINGS
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video


@pytest.mark.parametrize("size", [(32, 16), (33, 17)])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("chroma", CHROMAS)
def test_planes_come_back_to_the_bit(tmp_path, format_of, noise, chroma, bit_depth, size):
    width, height = size
    format = format_of(width=width, height=height, chroma=chroma, bit_depth=bit_depth)
    frames = noise(format)
    with create_video(tmp_path / "a.y4m", format) as writer:
        for frame in frames:
            writer.write(frame)
    with open_video(tmp_path / "a.y4m") as reader:
        assert reader.format == format and reader.count == len(frames)
        for planes, frame in zip(reader.yuv_frames(), frames, strict=True):
            assert all(map(np.array_equal, planes, yuv_from_rgb(frame, format)))


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("siting", SITINGS)
def test_siting_and_range_are_told(format_of, siting, full_range):
    format = format_of(siting=siting, full_range=full_range)
    assert y4m.read_header(io.BytesIO(y4m.header(format)), "709", None) == format


@pytest.mark.parametrize(
    ("tag", "siting"),
    [("", "centre"), (" C420jpeg", "centre"), (" C420mpeg2", "left"), (" C420paldv", "topleft")],
)
def test_names_of_420_are_sitings(tag, siting):
    header = io.BytesIO(f"YUV4MPEG2 W32 H16 F24:1{tag}\n".encode())
    assert y4m.read_header(header, "709", None).siting == siting


def test_parameters_of_frames_are_skipped(format_of):
    format = format_of()
    file = io.BytesIO(b"FRAME Ixyz\n" + bytes(format.frame_bytes))
    assert len(y4m.read_frame(file, format)) == 3


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"RIFF", "YUV4MPEG2"),
        (b"", "YUV4MPEG2"),
        (b"YUV4MPEG2 W32\n", "readable size"),
        (b"YUV4MPEG2 W32 Hx F25:1\n", "readable size"),
        (b"YUV4MPEG2 W32 H16 F25:0\n", "readable size"),
        (b"YUV4MPEG2 W32 H16 F25:1 It\n", "interlaced"),
        (b"YUV4MPEG2 W32 H16 F25:1 C411\n", "C411"),
        (b"YUV4MPEG2 W32 H16 F25:1 C420p12\n", "C420p12"),
        (b"YUV4MPEG2 W8 H16 F25:1\n", "8x16"),
        (b"YUV4MPEG2 W9000 H16 F25:1\n", "9000x16"),
        (b"YUV4MPEG2 W32 H16 F25:1", "does not end"),
        (b"YUV4MPEG2 W32 H16 F25:1\n", "no frame"),
        (b"YUV4MPEG2 W32 H16 F25:1\nFRAME\nshort", "cut off"),
        (b"YUV4MPEG2 W32 H16 F25:1\nFRAME\n", "cut off"),
        (b"YUV4MPEG2 W32 H16 F25:1\nFRUME\n", "FRAME"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(tmp_path, header, says):
    path = tmp_path / "a.y4m"
    path.write_bytes(header)
    with pytest.raises(InputError) as error, open_video(path) as reader:
        list(reader)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and says in message and "\n" not in message
