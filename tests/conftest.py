"""Every test runs with the shapes and types of the package's signatures checked."""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

# Before JAX is imported: tests run on the CPU unless told otherwise.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
install_import_hook("kbvc_jax", "signatures.checked")
# An example's time says how busy the machine is, not how right the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
