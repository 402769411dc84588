"""Work spread over the local devices: each takes the next task when it is free."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def spread(
    tasks: Sequence[Task], work: Callable[[Task], Outcome]
) -> Iterator[tuple[Task, Outcome | Exception]]:
    """Tasks with what came of them, as they finish; an exception is an outcome like another."""
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[Task, Outcome | Exception]] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def worker(device) -> None:
        with jax.default_device(device):
            while True:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    finished.put((task, work(task)))
                except Exception as error:
                    finished.put((task, error))

    # Daemons: an interrupted run ends at once and continues from its store.
    for device in jax.local_devices()[: len(tasks)]:
        threading.Thread(target=worker, args=(device,), daemon=True).start()
    for _ in tasks:
        yield finished.get()
