"""A run of three steps and its continuation, on all devices of all processes.

argv: FOLDER PROCESS PROCESSES PORT
"""

import sys

import jax

from kbvc_jax.training.loop import train
from tests.training.stub import BATCH, Clips, StubModel, config


def main(folder: str, process: int, processes: int, port: str) -> None:
    if processes > 1:
        jax.distributed.initialize(f"localhost:{port}", processes, process)
    held_out = next(Clips(process, processes))["frames"]
    assert len(held_out) == BATCH // processes
    for steps in (3, 5):
        chosen = config(steps=steps, log_every=1)
        clips = Clips(process, processes)
        state = train(chosen, StubModel(), clips, folder, validation=[held_out])
        assert int(state.step) == steps
    assert clips.get_state() == {"step": 5}  # the continuation went on where the data were


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
