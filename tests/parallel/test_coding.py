"""A film by several hands is the film that one network codes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tiny import SSF, tiny_inference

import kbvc_jax
from kbvc_jax.api import Codec
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.parallel import coding, processes
from kbvc_jax.parallel.crew import Crew
from kbvc_jax.parallel.processes import Process, in_processes
from kbvc_jax.runtime.errors import InputError

pytestmark = pytest.mark.heavy


class Own:
    """A hand that has a network, and remembers how much it was asked for."""

    def __init__(self, inference, begun):
        self._network, self._begun = EncoderNetwork(inference, 8), begun

    def do(self, bit_depth, work, parts):
        self._begun.append(work.__name__)
        return work(self._network, *parts)


@pytest.fixture(scope="module")
def inference():
    return tiny_inference(1)


@pytest.fixture
def begun(monkeypatch):
    monkeypatch.setattr(coding, "LEAST", 4)
    return []


def moving(count, size=(34, 50)):
    rng = np.random.default_rng(0)
    picture = np.cumsum(rng.normal(0, 0.02, (*size, 3)), 1) + 0.5
    frames = np.stack([np.roll(picture, t, 1) for t in range(count)])
    return (frames.clip(0, 1) * 255).astype(np.uint8)


def with_cut():
    frames = moving(12)
    frames[5:] = 255 - frames[5:] // 2
    return frames


@pytest.mark.parametrize(
    ("frames", "options", "runs"),
    [
        (moving(1), {}, 1),
        (moving(13), {"gop": 4, "keyint": 4}, 3),
        (moving(14), {"gop": 2, "keyint": 6}, 3),
        (moving(9), {"gop": 1, "keyint": 1}, 2),
        (moving(12), {"gop": 4, "keyint": 4, "effort": 2}, 3),
        (moving(12), {"gop": "auto", "keyint": 4}, 3),
        (with_cut(), {"gop": "auto", "keyint": 4}, 4),
    ],
)
def test_the_same_stream_and_the_same_frames(inference, begun, frames, options, runs):
    alone, crew = Codec(inference), Crew([Own(inference, begun) for _ in range(2)])
    shared = Codec(inference, crew=crew)
    data = alone.encode(frames, 40, **options)
    assert shared.encode(frames, 40, **options) == data
    assert begun == ["code_run"] * runs
    np.testing.assert_array_equal(shared.decode(data), alone.decode(data))


def test_p_frames_alone(begun):
    inference = tiny_inference(1, SSF)
    alone, shared = Codec(inference), Codec(inference, crew=Crew([Own(inference, begun)]))
    data = alone.encode(moving(9), 40, gop=4)
    assert shared.encode(moving(9), 40, gop=4) == data
    np.testing.assert_array_equal(shared.decode(data), alone.decode(data))
    assert begun == ["code_run"] * 2 + ["decode_run"] * 2


@pytest.mark.parametrize(("start", "count"), [(0, 1), (3, 4), (4, 1), (5, None), (9, 1)])
def test_a_seek(inference, begun, start, count):
    data = Codec(inference).encode(moving(10), gop=2, keyint=4)
    found = Codec(inference, crew=Crew([Own(inference, begun)])).decode(
        data, start=start, frames=count
    )
    np.testing.assert_array_equal(found, Codec(inference).decode(data, start=start, frames=count))


def test_what_was_decoded_is_told_in_order(inference, begun):
    seen, codec = [], Codec(inference, crew=Crew([Own(inference, begun) for _ in range(2)]))
    data = codec.encode(moving(9), gop=2, keyint=4, on_frame=lambda *frame: seen.append(frame))
    assert [index for index, _ in seen] == list(range(9))
    np.testing.assert_array_equal(np.stack([frame for _, frame in seen]), codec.decode(data))


def test_damage_is_the_streams(inference, begun):
    crew = Crew([Own(inference, begun)])
    data = bytearray(Codec(inference).encode(moving(9), gop=4, keyint=4))
    data[len(data) // 2] ^= 255
    with pytest.raises(InputError, match="damaged"):
        Codec(inference, crew=crew).decode(bytes(data))


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_processes_code_alike_and_pass_on_what_is_wrong(inference, begun):
    hands = [Process(inference, 1) for _ in range(2)]
    codec = Codec(inference, crew=Crew(hands))
    frames = moving(13)
    data = codec.encode(frames, 40, gop=4)
    assert data == Codec(inference).encode(frames, 40, gop=4)
    np.testing.assert_array_equal(codec.decode(data), Codec(inference).decode(data))
    with pytest.raises(InputError, match="codec motion: this model has"):
        codec.encode(frames, 40, b_frames="motion")
    for hand in hands:
        os.kill(hand.number, signal.SIGKILL)
    with pytest.raises(InputError, match="a worker has ended before its work"):
        codec.decode(data)


def test_more_hands_than_the_machine_has_are_refused(inference, monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: 2)
    with pytest.raises(InputError, match="3 workers: this machine has 2 cores"):
        in_processes(inference, 3)
    with pytest.raises(InputError, match="2 devices and 2 workers: take the ones or the others"):
        kbvc_jax.load(devices=2, workers=2)


PROGRAM = """
import sys, tiny
from kbvc_jax.parallel.processes import Process
if __name__ == "__main__":
    process = Process(tiny.tiny_inference(1), 1)
    print(process.number, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system as POSIX has it")
def test_a_worker_ends_with_its_parent_whatever_ends_that(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PROGRAM)
    paths = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    worker = int(parent.stdout.readline())
    assert alive(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(worker)


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_devices_share_a_film():
    program = (
        "import numpy as np, jax; from tiny import tiny_inference\n"
        "from kbvc_jax.api import Codec; from kbvc_jax.parallel import coding\n"
        "from kbvc_jax.parallel.devices import on_devices\n"
        "coding.LEAST, inference = 4, tiny_inference(1)\n"
        "frames = np.random.default_rng(2).integers(0, 256, (9, 16, 32, 3), np.uint8)\n"
        "alone, shared = Codec(inference), Codec(inference, crew=on_devices(inference, 2))\n"
        "data = alone.encode(frames, 40, gop=4)\n"
        "assert shared.encode(frames, 40, gop=4) == data\n"
        "assert (shared.decode(data) == alone.decode(data)).all()\n"
        "try: on_devices(inference, 3)\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
            "NPROC": "6",  # with fewer threads two devices may wait for each other
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 devices: this machine has 2 (cpu)\n"
