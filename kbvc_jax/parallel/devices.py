"""A thread for each of several local devices."""

from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import SingleDeviceSharding

from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.parallel.crew import Crew, Work
from kbvc_jax.runtime.errors import InputError


class Device:
    def __init__(self, inference: InferenceModel, number: int):
        self._inference, self._device = inference, jax.local_devices()[number]
        self._networks: dict[int, EncoderNetwork] = {}

    def do(self, bit_depth: int, work: Work, parts: Sequence[Any]) -> Any:
        with jax.default_device(self._device):
            if bit_depth not in self._networks:
                place = SingleDeviceSharding(self._device)
                self._networks[bit_depth] = EncoderNetwork(self._inference, bit_depth, place)
            return work(self._networks[bit_depth], *parts)


def on_devices(inference: InferenceModel, count: int) -> Crew:
    found = jax.local_devices()
    if count > len(found):
        raise InputError(f"{count} devices: this machine has {len(found)} ({found[0].platform})")
    return Crew([Device(inference, number) for number in range(count)])
