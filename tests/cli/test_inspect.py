"""`kbvc inspect`: a sheet, the numbers, and clear about what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from kbvc_jax.cli.main import main
from tests.codec.golden import FOLDER

pytestmark = pytest.mark.heavy

STREAM, MODEL = FOLDER / "ten-bit.kbvc", FOLDER / "model"


def inspect(*more) -> int:
    return main(["inspect", *map(str, more), "--checkpoint", str(MODEL)])


def test_a_frame_is_drawn_and_its_numbers_are_printed(tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert inspect(STREAM, "--frame", 1, sheet, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frame"], facts["codec"], facts["references"]) == (1, "predicted", [0, 2])
    assert (facts["depth"], facts["level"]) == (1, 2)
    assert 0 < facts["quality"] <= 100
    assert list(facts["bits"]) == ["modes", "z", "y"]
    assert facts["bytes"] == pytest.approx(sum(facts["bits"].values()) / 8)
    drawn = np.asarray(Image.open(sheet))
    assert drawn.shape[1] <= 1600 and np.ptp(drawn) == 255
    # The frame, as it was decoded, is among the panels: all of its range, of ten bits.
    frame = np.load(FOLDER / "ten-bit.npz")["frames"][1] / 1023 * 255
    room = drawn[: drawn.shape[0] // 2, 16 : 16 + 380].astype(float)
    top = next(y for y in range(40, 200) if np.abs(room[y, 0] - frame[0, 0]).max() < 1)
    np.testing.assert_allclose(room[top, [0, -1]], frame[0, [0, -1]], atol=1)


def test_what_is_there_is_not_overwritten_unasked(tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    sheet.write_text("mine")
    assert inspect(STREAM, "--frame", 1, sheet) == 2
    assert "pass -y" in capsys.readouterr().err and sheet.read_text() == "mine"
    assert inspect(STREAM, "--frame", 1, sheet, "-y") == 0
    assert Image.open(sheet).format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((STREAM, "--frame", 3, "a.png"), f"{STREAM}: no frame 3; it has 0 to 2"),
        ((STREAM, "--frame", -1, "a.png"), "-1: must be 0 or more"),
        ((STREAM, "--frame", 1, "a.jpg"), "a.jpg: a sheet is a PNG; name a file that ends in"),
        ((STREAM, "a.png"), "--frame"),
        ((FOLDER / "none.kbvc", "--frame", 0, "a.png"), "none.kbvc: cannot read it"),
        ((__file__, "--frame", 0, "a.png"), f"{__file__}: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert inspect(*arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.iterdir())


def test_another_models_stream_is_refused(checkpoint, tmp_path, capsys):
    asked = ["inspect", STREAM, "--frame", 1, tmp_path / "a.png", "--checkpoint", checkpoint]
    assert main(list(map(str, asked))) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kbvc: {STREAM}: stream was made by model") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
