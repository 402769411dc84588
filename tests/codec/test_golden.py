import random

import numpy as np
import pytest

from kbvc_jax.api import Codec
from kbvc_jax.models.checkpoint import load_inference
from kbvc_jax.runtime.errors import InputError
from tests.codec.golden import FOLDER, STREAMS, symbols_of
from tests.coding.damage import forged

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.fixture(scope="module")
def codec():
    return Codec(load_inference(FOLDER / "model"))


HEAVY = pytest.param("fine", marks=pytest.mark.heavy)


@pytest.mark.parametrize("name", [HEAVY if name == "fine" else name for name in STREAMS])
def test_golden_streams_decode_as_they_always_did(codec, name):
    data = (FOLDER / f"{name}.kbvc").read_bytes()
    digest, frames = symbols_of(codec, data)
    assert digest == (FOLDER / f"{name}.sha256").read_text().strip()
    golden = np.load(FOLDER / f"{name}.npz")["frames"]
    assert frames.shape == golden.shape and frames.dtype == golden.dtype
    # Symbols are exact everywhere; samples may round to the neighbour on another processor.
    difference = np.abs(frames.astype(int) - golden)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


@pytest.mark.heavy
def test_forged_records_with_true_check_sums_are_decoded_or_refused(codec):
    rng, ends = random.Random(0), set()
    for _ in range(20):
        data, frames = forged(rng)
        try:
            assert len(codec.decode(data)) == frames
            ends.add("decoded")
        except InputError as error:
            ends.add(str(error)[: len("record of frame")])
    assert ends == {"decoded", "record of frame"}
