"""`kbvc export`, without the calibration."""

from kbvc_jax.cli.main import main
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training import export

CHOICE = "step 1500, the best of 4 validations (loss 2.3857)"


def test_export_says_which_step_it_took_and_why(monkeypatch, capsys):
    monkeypatch.setattr(export, "export_run", lambda *_, **__: {"checkpoint": CHOICE})
    assert main(["export", "runs/x", "weights"]) == 0
    said = capsys.readouterr()
    assert said.out == "weights\n"
    assert said.err.splitlines()[-1] == f"runs/x: {CHOICE}"


def test_a_refused_export_is_one_line_after_the_first(monkeypatch, capsys):
    def refuse(*_, **__):
        raise InputError("runs/x: no checkpoint yet")

    monkeypatch.setattr(export, "export_run", refuse)
    assert main(["export", "runs/x", "weights"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines()[-1] == "kbvc: runs/x: no checkpoint yet"
