"""Every test runs with the shapes and types of the package's signatures checked."""

import ctypes
import gc
import os
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before JAX is imported: tests run on the CPU unless told otherwise.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Nearly all that most tests wait for is compilation.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# What one worker or a process of a test compiles, all others read, and the next run.
KEPT = "JAX_COMPILATION_CACHE_DIR"
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
install_import_hook("kbvc_jax", "signatures.checked")
# An example's time says how busy the machine is, not how right the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A compiled program takes 2 MB and three mappings, of which Linux gives a process 65,530.
MAPPINGS = Path("/proc/self/maps")
MANY = 3_000
QUICK = "not heavy and not slow"  # as pyproject.toml has it
# Each core has a worker of its own: a program in parts would take a fifth longer.
QUICK_FLAGS = ["--xla_cpu_parallel_codegen_split_count=1"]
if version("jaxlib").startswith("0.10."):  # newer ones end where they find a flag they do not know
    # Small programs compile in half the time; large ones, as slow tests have, run slowly.
    QUICK_FLAGS.append("--xla_cpu_use_fusion_emitters=false")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # workers inherit it
        os.environ[KEPT] = str(config.cache.mkdir("programs"))
        if "not slow" in config.option.markexpr:
            flags = os.environ.get("XLA_FLAGS", "")
            os.environ["XLA_FLAGS"] = " ".join([flags, *QUICK_FLAGS])


def pytest_report_header(config):
    if config.option.markexpr == QUICK:
        return "left out: heavy tests (pytest -m 'not slow' has them) and slow ones (pytest -m '')"


# Begun first: a long file that is last would have one worker wait for the other.
LONG = [
    "test_costs.py",
    "training/test_export.py",
    "models/test_motion.py",
    "models/test_ssf.py",
    "training/test_starting_point.py",
    "test_codec.py",
    "encoder/test_prediction.py",
    "codec/test_golden.py",
    "models/test_codecs.py",
    "models/test_fine.py",
]


def pytest_collection_modifyitems(items):
    tests = Path(__file__).parent

    def place(item):
        name = item.path.relative_to(tests).as_posix()
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="module")
def optimised():
    """For tests that compute for long, or that hold samples to their last bits."""
    import jax

    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(autouse=True, scope="module")
def programs_are_forgotten_in_time():
    yield
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MANY:
        import jax

        jax.clear_caches()
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # glibc keeps what it frees
            trim(0)
