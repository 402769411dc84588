"""Where results come from: code, libraries, machine."""

import dataclasses
import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

import kbvc_jax

LIBRARIES = ("jax", "jaxlib", "flax", "numpy", "constriction", "av", "bjontegaard")


def environment(command: str, config: Any) -> dict[str, Any]:
    return {
        "command": command,
        "config": dataclasses.asdict(config),
        "version": kbvc_jax.__version__,
        "commit": commit(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "devices": [f"{d.platform} {d.device_kind}" for d in jax.local_devices()],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def made_by() -> str:
    return f"{commit()} on {jax.default_backend()}"


@functools.cache
def commit() -> str:
    """Of the checkout that the package lies in; a release has a version alone."""
    folder = Path(kbvc_jax.__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"version {kbvc_jax.__version__}"
    return found.stdout.strip()
