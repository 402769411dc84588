"""Where compiled programs are kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = (
    "from kbvc_jax.runtime.backend import start_backend; print(start_backend());"
    "import jax, jax.numpy as jnp; print(jax.config.jax_compilation_cache_dir);"
    "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0);"
    "jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((8, 8))).block_until_ready()"
)


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({}, "user/kbvc"),
        ({"KBVC_CACHE": "{}/mine"}, "mine"),
        ({"KBVC_CACHE": "off"}, None),
        ({"JAX_COMPILATION_CACHE_DIR": "{}/theirs"}, "theirs"),
        ({"XDG_CACHE_HOME": "/proc/nowhere"}, None),
    ],
)
def test_the_cache_is_in_the_users_folder_unless_told_otherwise(tmp_path, settings, folder):
    environment = {k: v for k, v in os.environ.items() if "CACHE" not in k}
    environment |= {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": f"{tmp_path}/user"}
    environment |= {key: value.format(tmp_path) for key, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    backend, reported = done.stdout.splitlines()
    assert backend == f"cpu ({os.cpu_count()} cores)"
    assert reported == (str(tmp_path / folder) if folder else "None")
    if folder:
        assert any((tmp_path / folder).iterdir())


def test_a_backend_that_is_not_there_is_one_line(tmp_path):
    environment = os.environ | {"JAX_PLATFORMS": "tpu_of_the_future", "KBVC_CACHE": str(tmp_path)}
    code = (
        "import sys; from kbvc_jax.runtime.backend import start_backend\n"
        "from kbvc_jax.runtime.exit import exit_status; sys.exit(exit_status(start_backend))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 2
    assert done.stderr.startswith("kbvc: JAX_PLATFORMS=tpu_of_the_future: ")
