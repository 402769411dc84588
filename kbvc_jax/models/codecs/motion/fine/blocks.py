"""What its networks are made of: convolutions in separable blocks, steps down and steps up."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from kbvc_jax.models.layers import Convolution, Depthwise
from kbvc_jax.ops.convolution import depth_to_space


def leaky(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    return jax.nn.leaky_relu(x, 0.01)


class Widened(Convolution):
    """To twice the resolution: four times the channels, laid out."""

    def __init__(self, inputs: int, outputs: int, size: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        super().__init__(inputs, 4 * outputs, size, gain=1.0, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b 2*h 2*w o"]:
        return depth_to_space(super().__call__(x))


class Block(nnx.Module):
    """A depthwise convolution between two pointwise ones, then a wide pointwise pair; each of both
    beside a skip."""

    def __init__(self, inputs: int, outputs: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.before = Convolution(inputs, inputs, 1, **parts)
        self.depthwise = Depthwise(inputs, **parts)
        self.after = Convolution(inputs, outputs, 1, gain=0.5, **parts)
        self.skip = (
            Convolution(inputs, outputs, 1, gain=1.0, **parts) if inputs != outputs else None
        )
        self.widen = Convolution(outputs, 2 * outputs, 1, **parts)
        self.narrow = Convolution(2 * outputs, outputs, 1, gain=0.5, **parts)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        own = x if self.skip is None else self.skip(x)
        x = own + self.after(self.depthwise(leaky(self.before(x))))
        wide = jax.nn.leaky_relu(self.widen(x), 0.1)
        return x + jax.nn.leaky_relu(self.narrow(wide), 0.1)


class Down(nnx.Module):
    """To half the resolution, beside a skip."""

    def __init__(self, inputs: int, outputs: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.first = Convolution(inputs, outputs, 3, stride=2, **parts)
        self.second = Convolution(outputs, outputs, 3, gain=0.5, **parts)
        self.skip = Convolution(inputs, outputs, 1, stride=2, gain=1.0, **parts)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b oh ow o"]:
        return leaky(self.second(leaky(self.first(x)))) + self.skip(x)


class Up(nnx.Module):
    """To twice the resolution, beside a skip."""

    def __init__(self, inputs: int, outputs: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.first = Widened(inputs, outputs, 1, **parts)
        self.second = Convolution(outputs, outputs, 3, gain=0.5, **parts)
        self.skip = Widened(inputs, outputs, 1, **parts)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b 2*h 2*w o"]:
        return leaky(self.second(leaky(self.first(x)))) + self.skip(x)


class Residual(nnx.Module):
    def __init__(self, channels: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        parts = {"dtype": dtype, "rngs": rngs}
        self.first = Convolution(channels, channels, 3, **parts)
        self.second = Convolution(channels, channels, 3, gain=0.5, **parts)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        return x + self.second(leaky(self.first(leaky(x))))


def joined(*parts: Float[Array, "b h w _"]) -> Float[Array, "b h w c"]:
    return jnp.concatenate(parts, -1)


def halved(x: Float[Array, "b h w c"], times: int = 1) -> Float[Array, "b oh ow c"]:
    """Means of blocks."""
    size = 2**times
    b, h, w, c = x.shape
    return x.reshape(b, h // size, size, w // size, size, c).mean((2, 4))
