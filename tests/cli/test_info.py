"""`kbvc info`: fast, without JAX, and clear about damage."""

import json
import subprocess
import sys
import time
from fractions import Fraction

import pytest

from kbvc_jax.cli.main import main
from kbvc_jax.coding.container import GopRecord, Header, StreamWriter


@pytest.fixture
def stream(tmp_path):
    path = tmp_path / "clip.kbvc"
    header = Header(
        width=416,
        height=240,
        rate=Fraction(24),
        matrix="709",
        full_range=False,
        bit_depth=8,
        chroma="420",
        gop=2,
        quality=50 * 256,
        fingerprint=bytes(range(8)),
    )
    with path.open("wb") as file:
        writer = StreamWriter(file, header)
        writer.write(GopRecord(0, 1, header.quality, (), (0,), b"i" * 500))
        writer.write(GopRecord(1, 2, header.quality, (-16,), (2, 1), b"b" * 300))
        writer.close()
    return path


def test_info_prints_what_the_header_and_the_index_say(stream, capsys):
    assert main(["info", str(stream)]) == 0
    text = capsys.readouterr().out
    for words in ("416x240, 3 frames at 24 fps", "8 bit 4:2:0, BT.709, limited range"):
        assert words in text
    assert "quality 50, GoP 2, 2 groups of pictures" in text and "0001020304050607" in text


def test_info_as_json_can_be_computed_with(stream, capsys):
    assert main(["info", str(stream), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    size = stream.stat().st_size
    assert facts["bytes"] == size
    assert facts["bits_per_pixel"] == pytest.approx(size * 8 / (3 * 416 * 240))
    assert facts["kilobits_per_second"] == pytest.approx(size * 8 * 24 / 3 / 1000)
    assert [group["frames"] for group in facts["groups"]] == [1, 2]
    assert [group["quality_offsets"] for group in facts["groups"]] == [[], [-8]]
    assert [group["closing"] for group in facts["groups"]] == ["I", "P predicted"]
    assert [group["b_frames"] for group in facts["groups"]] == [
        [],
        [{"codec": "kernel", "frames": 1}],
    ]
    assert facts["frames_by_codec"] == {"I": 1, "P predicted": 1, "B kernel": 1}


def test_info_starts_in_half_a_second_and_without_jax(stream):
    code = (
        "import sys; from kbvc_jax.cli.main import main; main(sys.argv[1:]); "
        "assert not {'jax', 'flax', 'av', 'constriction'} & set(sys.modules), sys.modules.keys()"
    )
    command = [sys.executable, "-c", code, "info", str(stream)]
    seconds = []
    for _ in range(3):  # the best of three: other tests share the machine
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.5


def _missing(path):
    path.unlink()


def _empty(path):
    path.write_bytes(b"")


def _text(path):
    path.write_text("not a stream at all, but long enough to hold a header of one")


def _truncated(path):
    path.write_bytes(path.read_bytes()[:700])


def _header_alone(path):
    path.write_bytes(path.read_bytes()[:60])


def _folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_missing, _empty, _text, _truncated, _header_alone, _folder])
def test_a_bad_file_is_named_in_one_line_with_exit_status_2(stream, damage, capsys):
    damage(stream)
    assert main(["info", str(stream)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"kbvc: {stream}: ") and captured.err.count("\n") == 1
