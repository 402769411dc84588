"""TensorFlow Compression, an independent range coder, on real symbols with our tables."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.reference.environment import reference_python
from tests.reference.footage import network_calls, transform_calls

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("latent", "least"), [(0, 2_000), (1, 50_000)], ids=["z", "y"])
@pytest.mark.parametrize("calls", [network_calls, transform_calls])
def test_tensorflow_compression_needs_as_many_bytes_and_decodes_them(
    tmp_path, calls, latent, least
):
    python, (symbols, indexes, tables) = reference_python(), calls()[latent]
    if calls is transform_calls:
        columns = symbols - tables.offsets[indexes]
        assert ((columns < 0) | (columns >= tables.spans[indexes])).any(), "no escape among them"
    batch = tmp_path / "batch.npz"
    np.savez(batch, symbols=symbols, indexes=indexes, **vars(tables))
    done = subprocess.run(
        [str(python), str(ROOT / "tests" / "reference" / "compare.py"), str(batch)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sizes = json.loads(done.stdout)
    assert sizes["ours"] > least
    assert abs(sizes["theirs"] - sizes["ours"]) <= 1e-3 * sizes["ours"]
