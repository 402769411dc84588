import numpy as np
import pytest
from PIL import Image

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.overlap import AHEAD
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video


@pytest.mark.parametrize("bit_depth", [8, 10])
def test_pictures_come_back_to_the_bit(tmp_path, format_of, noise, bit_depth):
    format = format_of(width=33, height=17, bit_depth=bit_depth)
    frames = noise(format)
    with create_video(tmp_path / "frames", format) as writer:
        for frame in frames:
            writer.write(frame)
    with open_video(tmp_path / "frames", rate=format.rate) as reader:
        assert (reader.format.rate, reader.format.bit_depth) == (format.rate, bit_depth)
        assert reader.count == len(frames)
        assert all(map(np.array_equal, reader, frames))


def test_others_read_our_pictures(tmp_path, format_of, noise):
    format = format_of()
    with create_video(tmp_path / "frames", format) as writer:
        writer.write(noise(format)[0])
    picture = Image.open(tmp_path / "frames" / "000000.png")
    assert np.array_equal(np.asarray(picture), noise(format)[0])


def test_white_of_ten_bits_is_white(tmp_path, format_of):
    format = format_of(bit_depth=10)
    with create_video(tmp_path / "frames", format) as writer:
        writer.write(np.full((16, 32, 3), 1023, np.uint16))
    with Image.open(tmp_path / "frames" / "000000.png") as picture:
        assert np.asarray(picture).min() == 255


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16"])
def test_pictures_of_any_kind_become_rgb(tmp_path, mode):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = Image.fromarray(grey)
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) << 8)
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "a.png")
    with open_video(tmp_path) as reader:
        (frame,) = reader
    deep = mode == "I;16"
    assert frame.shape == (16, 16, 3) and frame.dtype == (np.uint16 if deep else np.uint8)
    assert np.abs(frame.astype(int) - (grey[..., None].astype(int) << 2 * deep)).max() == 0


def test_pictures_are_in_the_order_of_their_numbers(tmp_path):
    for value in (9, 10, 100):
        Image.new("RGB", (16, 16), (value, 0, 0)).save(tmp_path / f"frame{value}.PNG")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "._frame1.png").touch()
    with open_video(tmp_path) as reader:
        assert [int(frame[0, 0, 0]) for frame in reader] == [9, 10, 100]


def test_pictures_of_another_size_are_named(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "1.png")
    Image.new("RGB", (16, 18)).save(tmp_path / "2.png")
    with pytest.raises(InputError) as error, open_video(tmp_path) as reader:
        list(reader)
    assert str(error.value).startswith(f"{tmp_path / '2.png'}: 16x18")


def test_broken_pictures_are_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "1.png")
    whole = (tmp_path / "1.png").read_bytes()
    for broken in (b"", b"words", whole[: len(whole) // 2]):
        (tmp_path / "2.png").write_bytes(broken)
        with pytest.raises(InputError) as error, open_video(tmp_path) as reader:
            list(reader)
        assert str(error.value).startswith(f"{tmp_path / '2.png'}: ")


def test_only_folders_of_pictures_are_replaced(tmp_path, format_of, noise):
    format, folder = format_of(), tmp_path / "frames"
    for count in (3, 1):
        with create_video(folder, format, overwrite=True) as writer:
            for frame in noise(format, count):
                writer.write(frame)
    assert [path.name for path in folder.iterdir()] == ["000000.png"]
    (folder / "thesis.tex").write_text("mine")
    with (
        pytest.raises(InputError, match=r"frames: holds thesis\.tex"),
        create_video(folder, format, overwrite=True),
    ):
        pass
    assert (folder / "thesis.tex").read_text() == "mine"


def test_old_pictures_stay_where_the_new_ones_cannot_take_their_place(tmp_path, format_of, noise):
    format, folder = format_of(), tmp_path / "frames"
    with create_video(folder, format) as writer:
        writer.write(noise(format)[0])
    before = (folder / "000000.png").read_bytes()
    again = create_video(folder, format, overwrite=True)
    again.__enter__()
    (unfinished,) = tmp_path.glob(".frames.*")
    unfinished.rmdir()
    with pytest.raises(InputError, match="frames: cannot write it"):
        again.__exit__(None, None, None)
    assert (folder / "000000.png").read_bytes() == before


def test_a_picture_that_vanishes_meanwhile_is_named(tmp_path):
    last = 3 + 2 * AHEAD  # beyond those that are read ahead
    for number in range(1, last + 1):
        Image.new("RGB", (16, 16)).save(tmp_path / f"{number}.png")
    with open_video(tmp_path) as reader:
        frames = iter(reader)
        next(frames)
        (tmp_path / f"{last}.png").unlink()
        with pytest.raises(InputError) as error:
            list(frames)
    assert str(error.value).startswith(f"{tmp_path / f'{last}.png'}: ")
