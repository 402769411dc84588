import json
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.convolution import transposed_conv
from kbvc_jax.ops.integer import integer_transposed_conv, requantise


def draw():
    rng = np.random.default_rng(0)
    x = rng.integers(-127, 128, (1, 3, 4, 64)).astype(np.int8)
    weights = rng.integers(-127, 128, (5, 5, 64, 8)).astype(np.int8)
    return x, weights, rng.integers(-1000, 1000, 8).astype(np.int32)


def test_integer_layer_equals_the_float64_one_exactly():
    import jax

    x, weights, bias = draw()
    with jax.enable_x64(True):
        exact = transposed_conv(
            jnp.asarray(x, jnp.float64), jnp.asarray(weights, jnp.float64), jnp.asarray(bias * 1.0)
        )
    found = integer_transposed_conv(jnp.asarray(x), jnp.asarray(weights), jnp.asarray(bias))
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(found, np.asarray(exact).astype(np.int64))


@pytest.mark.parametrize(("value", "shift", "expected"), [(5, 1, 3), (-5, 1, -2), (7, 0, 7)])
def test_requantisation_rounds_halves_up(value, shift, expected):
    assert requantise(jnp.array([value]), shift)[0] == expected


PROGRAM = """
import hashlib, json, sys
sys.path.insert(0, {folder!r})
import jax.numpy as jnp, numpy as np
from test_integer import draw
from kbvc_jax.ops.integer import integer_transposed_conv
out = integer_transposed_conv(*map(jnp.asarray, draw()))
print(json.dumps(hashlib.sha256(np.asarray(out).tobytes()).hexdigest()))
"""


def test_threads_and_instruction_sets_do_not_change_a_bit():
    def digest(flags):
        environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        program = PROGRAM.format(folder=os.path.dirname(__file__))
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        return json.loads(done.stdout)

    plain = digest("")
    assert digest("--xla_cpu_multi_thread_eigen=false") == plain
    assert digest("--xla_cpu_max_isa=AVX2") == plain
