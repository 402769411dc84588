"""Every test runs with the shapes and types of the package's signatures checked."""

import os

from jaxtyping import install_import_hook

# Before JAX is imported: tests run on the CPU unless told otherwise.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
install_import_hook("kbvc_jax", "signatures.checked")
