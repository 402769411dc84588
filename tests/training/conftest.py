"""Programs that several tests compile are compiled once."""

import jax
import pytest

from tests.training.stub import Clips, StubModel


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.fixture
def stub_runs(monkeypatch):
    """Runs are those of the stub, whatever their configs say of model and data."""
    batches = [next(Clips())["frames"]]
    monkeypatch.setattr("kbvc_jax.training.run.build", lambda config: StubModel())
    monkeypatch.setattr("kbvc_jax.training.run.make_dataset", lambda *_, **__: Clips())
    monkeypatch.setattr("kbvc_jax.training.run.validation_batches", lambda config: batches)
