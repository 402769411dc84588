"""Every test runs with the shapes and types of the package's signatures checked."""

import os

from jaxtyping import install_import_hook

# Several workers share the machine's cores; device tests ask for more devices themselves.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
install_import_hook("kbvc_jax", "signatures.checked")
