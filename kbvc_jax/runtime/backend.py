"""Starting JAX: which backend runs, and where compiled programs are kept between runs."""

import os
from pathlib import Path

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.heap import keep_freed_memory

SWITCH = "KBVC_CACHE"  # a folder, or "off"
THREADS = "NPROC"  # XLA's own


def cores() -> int:
    """That this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def threads() -> int:
    """That computing may take: those asked for, or all cores."""
    return int(os.environ.get(THREADS) or cores())


def start_backend(threads: int | None = None) -> str:
    """Starts JAX and names what it runs on; of a processor so many `threads`, or all."""
    keep_freed_memory()
    if threads is not None:
        os.environ[THREADS] = str(threads)
    import jax

    folder = _cache_folder()
    if folder is not None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    try:
        devices = jax.devices()
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS')}: {reason}") from None
    kind, platform = devices[0].device_kind, devices[0].platform
    if platform == "cpu":
        return f"cpu ({threads or cores()} cores)"
    return f"{platform} ({kind})"


def _cache_folder() -> Path | None:
    """$KBVC_CACHE, else kbvc in the user's cache folder; None where off or not writable."""
    chosen = os.environ.get(SWITCH, "")
    if chosen.lower() in ("off", "0", "no"):
        return None
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(chosen) if chosen else Path(user) / "kbvc"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
