import jax.numpy as jnp

from kbvc_jax.runtime import compiled


def test_an_option_that_this_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compiled, "PLAIN", {"xla_cpu_of_another_version": False})
    assert compiled.step(plain=True)(jnp.square)(jnp.float32(3)) == 9
