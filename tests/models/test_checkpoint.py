"""Models whose checkpoints lack something, and checkpoints that someone has made up."""

import dataclasses
import functools
import json
import pickle
import shutil

import numpy as np
import orbax.checkpoint as ocp
import pytest

from kbvc_jax.models import checkpoint
from kbvc_jax.models.checkpoint import ARRAYS, DOCUMENT, load_inference, save_inference
from kbvc_jax.runtime.errors import InputError
from tests.codec.golden import FOLDER
from tests.tiny import TINY, tiny_inference


def test_a_model_without_gains_comes_back_without_curves(tmp_path):
    model = dataclasses.replace(TINY, fixed_lambda=0.01, block_transform=False, fusion_channels=0)
    saved = tiny_inference(1, model)
    save_inference(tmp_path, saved)
    loaded = load_inference(tmp_path)
    assert loaded.fingerprint == saved.fingerprint
    for codec in ("image", "frame"):
        ours, theirs = saved.entropy[codec], loaded.entropy[codec]
        for name in ("knots", "shifts"):
            a, b = getattr(ours.prior, name), getattr(theirs.prior, name)
            assert a.shape == b.shape == (0, 0) and a.dtype == b.dtype
        np.testing.assert_array_equal(ours.z_tables.frequencies, theirs.z_tables.frequencies)


@pytest.fixture
def crafted(tmp_path):
    """A checkpoint in which document and arrays may be changed."""
    folder = tmp_path / "model"
    shutil.copytree(FOLDER / "model", folder)
    return folder


def change_document(folder, **fields):
    document = json.loads((folder / DOCUMENT).read_text())
    (folder / DOCUMENT).write_text(json.dumps(document | fields))


@functools.cache
def golden():
    """Configuration and arrays of the model that is crafted with."""
    with ocp.StandardCheckpointer() as checkpointer:
        arrays = checkpointer.restore((FOLDER / "model" / ARRAYS).resolve())
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    return load_inference(FOLDER / "model").model.config, arrays


def change_arrays(folder, **changed):
    """With a fingerprint that is true again."""
    config, arrays = golden()
    arrays = arrays | changed
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((folder / ARRAYS).resolve(), arrays, force=True)
    change_document(folder, fingerprint=checkpoint._fingerprint(config, arrays).hex())


def test_nothing_in_a_checkpoint_is_unpickled(crafted, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    load_inference(crafted)


@pytest.mark.parametrize("text", ["", "{", "words", "\0", "[]", "3", "null"])
def test_a_document_that_is_no_json_is_named(crafted, text):
    (crafted / DOCUMENT).write_text(text)
    with pytest.raises(InputError, match=r"model: no inference checkpoint there \(model.json"):
        load_inference(crafted)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 9}, "checkpoint format 9; this version reads"),
        ({"config": {}}, "parameters.* shape .*, but the configuration has"),
        ({"config": {"image": "os.system"}}, "damaged checkpoint"),
        ({"fingerprint": "00" * 8}, "arrays do not match model.json"),
    ],
)
def test_a_document_of_something_else_is_refused(crafted, fields, message):
    change_document(crafted, **fields)
    with pytest.raises(InputError, match=f"model: {message}"):
        load_inference(crafted)


@pytest.mark.parametrize(
    "arrays",
    [
        {"y.frequencies": np.full((64, 9), 2**16, np.int32)},
        {"y.lengths": np.full(64, -1, np.int32)},
    ],
)
def test_tables_that_are_none_are_refused(crafted, arrays):
    change_arrays(crafted, **arrays)
    with pytest.raises(InputError, match="probability tables"):
        load_inference(crafted)


KERNEL = "parameters.frame.encoder.layers.0.kernel"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({KERNEL: np.zeros((7, 7), np.float32)}, rf"{KERNEL}: shape \(7, 7\), but the config"),
        (
            {"parameters.more": np.zeros(3, np.float32)},
            r"parameters.more: shape \(3,\), but .* none",
        ),
        ({"frame.layers.0.more": np.zeros(3, np.int32)}, "damaged checkpoint"),
    ],
)
def test_an_array_of_another_shape_is_named(crafted, arrays, message):
    change_arrays(crafted, **arrays)
    with pytest.raises(InputError, match=f"model: {message}"):
        load_inference(crafted)


def test_arrays_beyond_the_limit_are_refused_before_they_are_read(crafted, monkeypatch):
    monkeypatch.setattr(checkpoint, "MOST", 1000)
    monkeypatch.setattr(ocp.StandardCheckpointer, "restore", lambda *_: pytest.fail("read"))
    with pytest.raises(InputError, match="model: .* numbers; at most 1,000 are read"):
        load_inference(crafted)


@pytest.mark.parametrize("field", ["fingerprint", "card", "config"])
def test_a_document_that_lacks_a_part_is_refused(crafted, field):
    document = json.loads((crafted / DOCUMENT).read_text())
    del document[field]
    (crafted / DOCUMENT).write_text(json.dumps(document))
    with pytest.raises(InputError, match="model: .*export"):
        load_inference(crafted)
