import os
import subprocess
import sys

from kbvc_jax.evaluation.workers import spread

# Two tasks that each wait for the other: they end only if they run at once.
TWO_DEVICES = """
import threading
import jax.numpy as jnp
from kbvc_jax.evaluation.workers import spread

both = threading.Barrier(2, timeout=60)

def work(task):
    both.wait()
    (device,) = jnp.zeros(()).devices()
    return device.id

print(sorted(device for _, device in spread([1, 2], work)))
"""


def test_tasks_run_on_every_local_device_at_once():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", TWO_DEVICES]
    done = subprocess.run(
        command, env={**os.environ, **flags}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[0, 1]"


def test_a_task_that_fails_does_not_keep_the_others_from_theirs():
    def work(task):
        if task == 2:
            raise ValueError("two")
        return 10 * task

    outcomes = dict(spread([1, 2, 3], work))
    assert (outcomes[1], outcomes[3]) == (10, 30)
    assert isinstance(outcomes[2], ValueError)


def test_nothing_to_do_is_done():
    assert list(spread([], abs)) == []
