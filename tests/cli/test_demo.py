"""`kbvc demo`, with a tiny model in place of the shipped one."""

import dataclasses

import pytest
from PIL import Image

from kbvc_jax.cli.main import main
from kbvc_jax.models.checkpoint import save_inference
from tests.tiny import TINY, tiny_inference


@pytest.mark.heavy
def test_the_demo_prints_a_table_and_draws_both_pictures(checkpoint, tmp_path, capsys):
    out = tmp_path / "demo"
    argv = ["demo", "-q", "20", "80", "--frames", "3", "--checkpoint", str(checkpoint)]
    assert main([*argv, "--out", str(out)]) == 0
    table = capsys.readouterr().out
    rows = {codec: table.count(f"\n{codec} ") for codec in ("kbvc", "x264", "x265")}
    assert rows == {"kbvc": 2, "x264": 7, "x265": 7}  # six, and one at the rate of kbvc's
    size = (out / "kbvc-20.kbvc").stat().st_size
    assert f" {size:,} " in table
    assert Image.open(out / "rd.png").width > 500
    assert Image.open(out / "side_by_side.png").width > 2 * 416

    assert main([*argv, "--out", str(out)]) == 2
    assert f"kbvc: {out}: holds files already; pass -y" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_of_one_lambda_has_one_row_and_refuses_a_quality(tmp_path, capsys):
    folder, out = tmp_path / "one", tmp_path / "demo"
    save_inference(folder, tiny_inference(1, dataclasses.replace(TINY, fixed_lambda=0.01)))
    argv = ["demo", "--frames", "3", "--checkpoint", str(folder), "--out", str(out)]
    assert main([*argv, "-q", "50"]) == 2
    assert "lambda 0.01 alone" in capsys.readouterr().err and not out.exists()
    assert main(argv) == 0
    assert capsys.readouterr().out.count("\nkbvc ") == 1


def test_without_weights_the_demo_says_so_in_one_line_and_fails(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kbvc_jax.api.WEIGHTS", tmp_path / "none")
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("kbvc: ") and "weights" in captured.err
    assert not (tmp_path / "demo").exists()
