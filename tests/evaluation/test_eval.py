"""eval.py as users run it."""

import importlib.util
import json
from pathlib import Path

import pytest

from kbvc_jax.runtime.exit import exit_status

ROOT = Path(__file__).parents[2]


@pytest.fixture
def evaluate(monkeypatch):
    """eval.py's exit status for some arguments."""
    monkeypatch.chdir(ROOT)
    specification = importlib.util.spec_from_file_location("eval_entry", ROOT / "eval.py")
    entry = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(entry)
    return lambda *arguments: exit_status(lambda: entry.main([*map(str, arguments)]), "eval.py")


def small(folder, checkpoint, out):
    return (
        *("--config=configs/folder.py", f"--config.data={folder}", "--out", out, "-q"),
        *("--config.sequences=two", f"--config.checkpoints=ours={checkpoint}"),
        *("--config.qualities=10,40,70,100", "--config.anchors.codecs=x264"),
        *("--config.anchors.quantisers=20,27,34,41", "--config.pictures=0"),
    )


def test_a_run_writes_results_curves_page_and_docs(
    evaluate, folder, checkpoint, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    assert evaluate(*small(folder, checkpoint, out)) == 0
    said = capsys.readouterr().out
    assert "BD-rate by RGB PSNR" in said and "leaf B" in said
    for name in ("results.json", "rd.png", "report.html"):
        assert (out / name).stat().st_size > 1000
    document = json.loads((out / "results.json").read_text())
    assert document["conditions"]["sequences"][0]["frames"] == 4
    assert len(document["codecs"][0]["fingerprint"]) == 16
    assert "--config.sequences=two" in document["environment"]["command"]

    monkeypatch.chdir(tmp_path)
    assert evaluate("--compare", out / "results.json", out / "results.json") == 0
    assert evaluate("--write-docs", out / "results.json") == 0
    written = Path("docs/results.md").read_text()
    (points,) = Path("docs/results").glob("*/points.csv")
    assert "x264,crf 27," in points.read_text() and "python eval.py --config=" in written
    assert str(folder.parent) not in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--config=configs/nothing.py",), "no such config file"),
        (("--config.gop=9",), "gop=9: must be 8, 16, 32 or auto"),
        (("--config.colour=red",), "no key 'colour'; valid: "),
        (("--config.data=/nowhere",), "/nowhere: no such folder"),
        (("--shard", "0/2"), "--shard 0/2: must be i/n"),
        (("--compare", "a.json", "b.json"), "a.json: cannot read it"),
        (("--paper", "table5"), "--paper table5: there are table1"),
        (("--compare", "a", "b", "--config.gop=8"), "only a run takes a config"),
        (("--config.checkpoints=/nowhere",), "/nowhere: no inference checkpoint there"),
    ],
)
def test_bad_input_ends_in_one_line_and_status_2(evaluate, arguments, message, capsys, tmp_path):
    assert evaluate(*arguments, *(() if "--compare" in arguments else ("--out", tmp_path))) == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert last.startswith("eval.py: ") and message in last


@pytest.mark.heavy
def test_a_failed_point_is_reported_and_the_status_says_so(
    evaluate, folder, checkpoint, tmp_path, capsys, monkeypatch
):
    from kbvc_jax.evaluation.anchors.libraries import LibraryAnchor

    def broken(self, clip, setting, target):
        raise OSError("disk full")

    monkeypatch.setattr(LibraryAnchor, "encode", broken)
    assert evaluate(*small(folder, checkpoint, tmp_path / "out")) == 1
    assert "failed: x264 on two: OSError: disk full" in capsys.readouterr().out
