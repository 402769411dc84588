"""One stream under other threads and instruction sets: a chain of P- and B-frames, by the weights
that ship."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kbvc_jax

CLIP = Path(kbvc_jax.__file__).parent / "assets" / "bunny.mp4"
CHAIN = 24  # frames after the only I-frame
DECODE = """
import hashlib, sys
import numpy as np
import kbvc_jax
from kbvc_jax.coding import coder
digest, decode = hashlib.sha256(), coder.SymbolDecoder.decode
def spy(self, indexes, tables):
    symbols = decode(self, indexes, tables)
    digest.update(symbols.tobytes())
    return symbols
coder.SymbolDecoder.decode = spy
np.save(sys.argv[2], kbvc_jax.load().decode(open(sys.argv[1], "rb").read()))
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """6 P-frames, and 18 B-frames between them."""
    with kbvc_jax.open_video(CLIP, frames=CHAIN + 1) as video:
        frames = np.stack([frame[64:160, 128:256] for frame in video])
    path = tmp_path_factory.mktemp("chain") / "clip.kbvc"
    path.write_bytes(kbvc_jax.load().encode(frames, 60, gop=4, keyint=32))
    return path


def decoded(stream: Path, flags: str, threads: int) -> tuple[bytes, np.ndarray]:
    """A digest of all symbols, and the frames, of a process of its own."""
    out = stream.with_name(f"frames{threads}{flags}.npy")
    # NPROC is XLA's own limit of its threads.
    environment = {"XLA_FLAGS": flags, "NPROC": str(threads), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(stream), str(out)],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return done.stdout, np.load(out).astype(int)


def test_symbols_are_the_same_and_samples_do_not_drift(stream):
    symbols, frames = decoded(stream, "", 1)
    for flags, threads in (("", 2), ("", 8), ("--xla_cpu_max_isa=AVX2", 1)):
        others, found = decoded(stream, flags, threads)
        assert others == symbols
        apart = np.abs(found - frames)
        assert apart.max() <= 1
        share = (apart > 0).mean((1, 2, 3))
        assert share.mean() <= 0.001
        # The last third of the chain is no further apart than the first, but for single samples.
        third = CHAIN // 3
        assert share[-third:].mean() <= share[1 : 1 + third].mean() + 1e-4
