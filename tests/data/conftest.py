"""Small footage on disk, in every form that is trained on."""

from pathlib import Path

import numpy as np
import pytest
from data.footage import BUNNY, texture
from PIL import Image


@pytest.fixture
def vimeo(tmp_path) -> Path:
    """Three septuplets."""
    names = ["00001/0001", "00001/0002", "00002/0001"]
    for number, name in enumerate(names):
        folder = tmp_path / "vimeo" / "sequences" / name
        folder.mkdir(parents=True)
        for k in range(7):
            Image.fromarray(np.roll(texture(number), k, 1)).save(folder / f"im{k + 1}.png")
    (tmp_path / "vimeo" / "sep_trainlist.txt").write_text("\n".join(names) + "\n")
    return tmp_path / "vimeo"


@pytest.fixture
def stills(tmp_path) -> Path:
    (tmp_path / "stills").mkdir()
    for number in range(4):
        Image.fromarray(texture(10 + number)).save(tmp_path / "stills" / f"{number}.png")
    return tmp_path / "stills"


@pytest.fixture
def videos(tmp_path) -> Path:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "bunny.mp4").write_bytes(BUNNY.read_bytes())
    return tmp_path / "videos"
