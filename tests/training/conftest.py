import pytest

from tests.training.stub import Clips, StubModel


@pytest.fixture
def stub_runs(monkeypatch):
    """Runs are those of the stub, whatever their configs say of model and data."""
    batches = [next(Clips())["frames"]]
    monkeypatch.setattr("kbvc_jax.training.run.build", lambda config: StubModel())
    monkeypatch.setattr("kbvc_jax.training.run.make_dataset", lambda *_, **__: Clips())
    monkeypatch.setattr("kbvc_jax.training.run.validation_batches", lambda config: batches)
