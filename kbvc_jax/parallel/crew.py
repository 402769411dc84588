"""Who codes: several hands, each with the model to itself."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.runtime.overlap import Beside

Parts = ParamSpec("Parts")
Result = TypeVar("Result")
Work = Callable[Concatenate[EncoderNetwork, Parts], Result]


@runtime_checkable
class Hand(Protocol):
    def do(self, bit_depth: int, work: Work, parts: Sequence[Any]) -> Any:
        """`work` by the network of that depth."""
        ...


class Crew:
    def __init__(self, hands: Sequence[Hand]):
        self.size = len(hands)
        self._threads = Beside(self.size)
        self._free = queue.SimpleQueue[Hand]()
        for hand in hands:
            self._free.put(hand)

    def submit(
        self,
        bit_depth: int,
        work: Callable[Concatenate[EncoderNetwork, Parts], Result],
        *parts: Parts.args,
        **named: Parts.kwargs,
    ) -> Future[Result]:
        """By one that is free, or else when one is."""
        return self._threads.submit(self._by_one, bit_depth, work, parts)

    def __del__(self):
        self._threads.shutdown(wait=False)

    def _by_one(self, bit_depth: int, work: Work, parts: Sequence[Any]) -> Any:
        hand = self._free.get()
        try:
            return hand.do(bit_depth, work, parts)
        finally:
            self._free.put(hand)
