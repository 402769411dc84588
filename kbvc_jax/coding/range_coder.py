"""constriction's range coder, made exact: integers in, the same bytes on every machine.

32-bit words, a 64-bit state, probabilities of 24 bits. Nothing else touches constriction.
"""

from typing import Any

import constriction
import numpy as np
from jaxtyping import Int, Int32

from kbvc_jax.runtime.errors import InputError

_stream = constriction.stream  # pyright: ignore[reportAttributeAccessIssue]
Model = Any  # the compiled module declares no types

PRECISION = 16  # of the tables
_CODER_PRECISION = 24


def exact_model(frequencies: Int[np.ndarray, "w"]) -> Model:
    """A model with exactly these frequencies, all above 0; they must sum to 2^PRECISION.

    The coder gives each symbol one part in 2^24 and spreads the rest in proportion to what it is
    handed. Handed integers that sum to that rest, its scale is exactly 1 and nothing is rounded.
    """
    parts = frequencies * 2.0 ** (_CODER_PRECISION - PRECISION)
    return _stream.model.Categorical(parts - 1, perfect=False)


class RangeEncoder:
    def __init__(self):
        self._coder = _stream.queue.RangeEncoder()

    def encode(self, columns: Int32[np.ndarray, "n"], model: Model) -> None:
        self._coder.encode(columns, model)

    def finish(self) -> bytes:
        """The shortest number in the coder's final interval, without trailing zeros."""
        position, (lower, width) = self._coder.pos()
        words = self._coder.get_compressed()[:position].astype(">u4").tobytes()
        steps = (1 << bits for bits in range(64, -1, -8))
        tail = next(t for step in steps if (t := -(-lower // step) * step) < lower + width)
        # These words end in constriction's own choice; where that lies beyond 2^64, it has carried.
        carry = (tail >> 64) - ((lower + 2**32 - 1) >> 64)
        number = ((int.from_bytes(words, "big") + carry) << 64) + (tail & (2**64 - 1))
        return number.to_bytes(len(words) + 8, "big").rstrip(b"\0")


class RangeDecoder:
    """Reads zeros beyond the end of its data."""

    def __init__(self, data: bytes):
        words = np.frombuffer(data + bytes(-len(data) % 4), ">u4")
        self._coder = _stream.queue.RangeDecoder(words.astype(np.uint32))

    def decode(self, model: Model, count: int) -> Int32[np.ndarray, "n"]:
        try:
            return self._coder.decode(model, count)
        except AssertionError:
            raise InputError("damaged payload: no range coder wrote it") from None
