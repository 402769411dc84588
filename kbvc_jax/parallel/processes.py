"""Several processes, for a processor of many cores: each has its share of them."""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from kbvc_jax.runtime.backend import cores, start_backend
from kbvc_jax.runtime.errors import InputError

# A process that begins loads this file, and JAX only when it knows its cores.
if TYPE_CHECKING:
    from kbvc_jax.models.checkpoint import InferenceModel
    from kbvc_jax.parallel.crew import Crew, Work


class Process:
    def __init__(self, inference: "InferenceModel", cores: int):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, cores), daemon=True)
        process.start()
        self.number = process.pid
        theirs.close()
        self._connection.send(inference)

    def do(self, bit_depth: int, work: "Work", parts: Sequence[Any]) -> Any:
        try:
            self._connection.send((bit_depth, work, parts))
            done, result = self._connection.recv()
        except (EOFError, OSError):
            raise InputError(
                "a worker has ended before its work; was there too little memory? Take fewer"
            ) from None
        if not done:
            raise result
        return result


def in_processes(inference: "InferenceModel", count: int) -> "Crew":
    import jax

    from kbvc_jax.parallel.crew import Crew

    if (platform := jax.default_backend()) != "cpu":
        raise InputError(f"workers share a processor; on {platform} take devices instead")
    if count > cores():
        raise InputError(f"{count} workers: this machine has {cores()} cores")
    share = cores() // count
    return Crew([Process(inference, share) for _ in range(count)])


def _serve(connection: Connection, cores: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start_backend(cores)
    from kbvc_jax.encoder.network import EncoderNetwork

    inference, networks = connection.recv(), {}
    while True:
        try:
            bit_depth, work, parts = connection.recv()
        except EOFError:
            return
        if bit_depth not in networks:
            networks[bit_depth] = EncoderNetwork(inference, bit_depth)
        try:
            answer = True, work(networks[bit_depth], *parts)
        except Exception as error:
            answer = False, error
        connection.send(answer)


def _end_with_parent() -> None:
    """Whatever ends that."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)
