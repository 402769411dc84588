"""Work beside the calling thread: reading ahead, finishing behind. Order is kept."""

import collections
import itertools
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

Result = TypeVar("Result")
Item = TypeVar("Item")

AHEAD = 4  # items that wait, at most
PATIENCE = 1.0  # seconds


class Beside(Executor):
    """Threads that never keep a program from its end: what they wait for may never come, a pipe's
    next byte for one."""

    def __init__(self, count: int = 1):
        self._tasks = queue.SimpleQueue[tuple[Future, Callable[[], Any]] | None]()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future = Future[Result]()
        self._tasks.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads if wait else ():
            thread.join(PATIENCE)

    def _work(self) -> None:
        while task := self._tasks.get():
            future, work = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # is the caller's
                    future.set_exception(error)


def in_order(futures: Iterable[Future[Result]], most: int) -> Iterator[Result]:
    """What they come to, in their order; the next one is asked for while fewer than `most` wait."""
    waiting = collections.deque[Future[Result]]()
    try:
        for future in futures:
            waiting.append(future)
            while waiting and (len(waiting) >= most or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def ahead(source: Iterable[Item], most: int = AHEAD) -> Generator[Item, None, None]:
    """The same items, fetched by a thread of their own. Close it before what it reads from."""
    iterator, end = iter(source), object()
    with Beside() as thread:
        fetches = (thread.submit(next, iterator, end) for _ in itertools.count())
        for item in in_order(fetches, most):
            if item is end:
                return
            yield item  # type: ignore[misc]
