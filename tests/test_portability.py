"""A chain of P- and B-frames under other threads and instruction sets, by the weights that ship."""

import pytest

from tests.portability import Setting, compare, decode, encode

pytestmark = pytest.mark.slow

CHAIN = 24  # frames after the only I-frame: 6 P-frames, and 18 B-frames between them
OTHERS = [Setting(threads=2), Setting(threads=8), Setting(instructions="AVX2")]


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    path = tmp_path_factory.mktemp("chain") / "clip.kbvc"
    encode(Setting(), path, "predicted", CHAIN + 1, 4)
    return path


@pytest.fixture(scope="module")
def ours(stream):
    return decode(Setting(), stream)


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_symbols_are_the_same_and_samples_do_not_drift(stream, ours, other):
    found = compare(ours, decode(other, stream))
    assert found.alike, str(found)
    # The last third of the chain is no further apart than the first, but for single samples.
    third = CHAIN // 3
    assert found.share[-third:].mean() <= found.share[1 : 1 + third].mean() + 1e-4
