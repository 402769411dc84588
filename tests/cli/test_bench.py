"""`kbvc bench`: a table for people, and the same as JSON."""

import json

import pytest

from kbvc_jax.cli.main import main


def run(*argv):
    return main(["bench", *map(str, argv)])


@pytest.mark.slow
def test_json_has_seconds_and_the_table_frames_a_second_of_each_stage(checkpoint, capsys):
    asked = ["--frames", 3, "-q", 30, "--gop", 2, "--checkpoint", checkpoint, "--quiet"]
    assert run(*asked, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["width"], facts["height"], facts["frames"]) == (416, 240, 3)
    assert (facts["quality"], facts["gop"], facts["b_frames"]) == (30.0, 2, "predicted")
    for side in ("encode", "decode"):
        times = facts[side]
        total = sum(times["seconds_by_stage"].values())
        assert total == pytest.approx(times["seconds_of_all_stages"], rel=0.05)

    assert run(*asked) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert printed.err == "" and lines[0].startswith("416x240, 3 frames, quality 30, GoP 2")
    for side in ("encode", "decode"):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{side} "))
        stages = facts[side]["seconds_by_stage"]
        rows = lines[at + 1 : at + 1 + len(stages)]
        assert [row[2:16].strip() for row in rows] == list(stages)
        assert sum(int(row.split()[-1].rstrip("%")) for row in rows) == pytest.approx(100, abs=5)
    assert any(line.startswith("compiling: ") for line in lines)


def test_a_file_that_is_not_there_is_one_line(checkpoint, tmp_path, capsys):
    assert run(tmp_path / "none.mp4", "--checkpoint", checkpoint, "--quiet") == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"kbvc: {tmp_path / 'none.mp4'}: no such file")
