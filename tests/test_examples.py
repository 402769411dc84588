"""What lies in examples/ does what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples/quickstart.ipynb"
DECIBELS = re.compile(r"frame \d . toy .* ([\d.]+) dB")


@pytest.fixture(scope="module")
def cells() -> list[dict]:
    return json.loads(NOTEBOOK.read_text())["cells"]


def test_the_notebook_runs_from_top_to_bottom(cells, monkeypatch, capsys):
    """Cell by cell in one namespace, as Jupyter would."""
    monkeypatch.chdir(NOTEBOOK.parent)
    plt.switch_backend("agg")
    names = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    plt.close("all")
    points = names["points"]
    assert points == sorted(points) and len(set(points)) == 3
    assert re.search(r"step 3: loss \d", capsys.readouterr().out)


def test_the_notebook_is_small_and_has_no_errors_or_warnings_in_it(cells):
    assert NOTEBOOK.stat().st_size < 300_000
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert all(output["output_type"] != "error" for output in outputs)
    assert all(output.get("name", "stdout") == "stdout" for output in outputs)


def test_the_codec_of_ones_own_gains_by_training():
    done = subprocess.run(
        [sys.executable, "examples/own_codec.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, after = (
        [float(found) for found in DECIBELS.findall(part)]
        for part in done.stdout.split("\ntrained\n")
    )
    assert len(before) == len(after) == 3
    assert all(a > b for a, b in zip(after, before, strict=True))
