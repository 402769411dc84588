"""Stand-ins for rounding that have a gradient."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def noise(x: Float[Array, "*b"], key: PRNGKeyArray) -> Float[Array, "*b"]:
    """Uniform noise one bin wide: for measuring rate."""
    return x + jax.random.uniform(key, x.shape, x.dtype, -0.5, 0.5)


def straight_through(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Rounds; the gradient passes as if it had not. For what the decoder sees."""
    return x + jax.lax.stop_gradient(jnp.rint(x) - x)


def soft(x: Float[Array, "*b"], sharpness: float) -> Float[Array, "*b"]:
    """Rounds in a smooth curve, nearer to steps the sharper it is (Agustsson and Theis 2020)."""
    middle = jnp.floor(x) + 0.5
    return middle + jnp.tanh(sharpness * (x - middle)) / (2 * jnp.tanh(sharpness / 2))
