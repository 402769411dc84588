import pytest
from tiny import read_once, tiny_inference

from kbvc_jax.models.checkpoint import save_inference


def save_tiny_model(folder, seed):
    save_inference(folder, tiny_inference(seed))
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("weights") / "tiny", seed=1)


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("weights") / "other", seed=2)


@pytest.fixture(autouse=True)
def checkpoints_are_read_once(monkeypatch):
    monkeypatch.setattr("kbvc_jax.api.load_inference", read_once)
