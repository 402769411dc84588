"""Who codes: several hands, each with the model to itself."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar, runtime_checkable

from kbvc_jax.runtime.overlap import Beside

Result = TypeVar("Result")
Work = Callable[..., Result]  # of an EncoderNetwork and parts


@runtime_checkable
class Hand(Protocol):
    def do(self, bit_depth: int, work: Work[Result], parts: Sequence[Any]) -> Result:
        """`work` by the network of that depth."""
        ...


class Crew:
    def __init__(self, hands: Sequence[Hand]):
        self.size = len(hands)
        self._threads = Beside(self.size)
        self._free = queue.SimpleQueue[Hand]()
        for hand in hands:
            self._free.put(hand)

    def submit(self, bit_depth: int, work: Work[Result], *parts: Any) -> Future[Result]:
        """By one that is free, or else when one is."""
        return self._threads.submit(self._by_one, bit_depth, work, parts)

    def __del__(self):
        self._threads.shutdown(wait=False)

    def _by_one(self, bit_depth: int, work: Work[Result], parts: Sequence[Any]) -> Result:
        hand = self._free.get()
        try:
            return hand.do(bit_depth, work, parts)
        finally:
            self._free.put(hand)
