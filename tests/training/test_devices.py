"""The same losses on one device, on eight, and in two processes of two."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest


def start(folder, process: int, processes: int, devices: int, port: int = 0) -> subprocess.Popen:
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    command = [sys.executable, "-m", "tests.training.devices", folder, process, processes, port]
    return subprocess.Popen(
        [str(part) for part in command],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def losses(folder, *processes: subprocess.Popen) -> dict[str, list[float]]:
    for process in processes:
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "train"] == [1, 2, 3, 4, 5]
    return {
        kind: [row["loss"] for row in rows if row["kind"] == kind]
        for kind in ("train", "validation")
    }


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    return losses(folder, start(folder, 0, 1, 1))


def assert_same(found, expected):
    for kind, values in expected.items():
        np.testing.assert_allclose(found[kind], values, rtol=1e-4)


@pytest.mark.slow
def test_eight_devices_have_the_same_losses(on_one_device, tmp_path):
    assert_same(losses(tmp_path, start(tmp_path, 0, 1, 8)), on_one_device)


@pytest.mark.slow
def test_two_processes_have_the_same_losses_and_continue_together(on_one_device, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    both = [start(tmp_path, process, 2, 2, port) for process in range(2)]
    assert_same(losses(tmp_path, *both), on_one_device)
