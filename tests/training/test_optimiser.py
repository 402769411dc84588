"""The guard against spikes, alone; test_step.py has it in its place."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from kbvc_jax.training.optimiser import spikes_to_nan

FACTOR = 5.0


def passed(norms) -> list[bool]:
    """Whether each gradient of these norms passes as it is."""
    guard = spikes_to_nan(FACTOR)
    state, found = guard.init({"w": jnp.zeros(1)}), []
    for norm in norms:
        gradient: Any = {"w": jnp.full(1, norm)}
        after: Any
        after, state = guard.update(gradient, state)
        found.append(bool(np.array_equal(after["w"], gradient["w"])))
    return found


def test_before_the_mean_has_settled_every_gradient_passes():
    assert all(passed([1.0] * 5 + [100.0] + [1.0] * 5))


def test_a_spike_does_not_pass_and_what_is_large_but_usual_does():
    assert passed([1.0] * 30 + [100.0, 4.0])[-2:] == [False, True]


def test_a_lasting_change_is_no_spike_for_ever():
    found = passed([1.0] * 30 + [12.0] * 20)[30:]
    assert not found[0] and found[-1]


def test_what_is_not_finite_leaves_no_trace_in_the_mean():
    assert passed([1.0] * 30 + [float("inf")] * 100 + [100.0, 1.0])[-2:] == [False, True]
