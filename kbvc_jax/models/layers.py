"""The parametrised layers: a convolution, a transposed one, and PReLU."""

import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from kbvc_jax.ops.convolution import conv, transposed_conv, upsampled_conv

Activation = Callable[[Array], Array]
TRUNCATED = 0.87962566103423978  # the deviation of a normal distribution's middle, from -2 to 2


class DrawnAtOnce(nnx.Rngs):
    """Keys, and at most so many numbers for kernels, by one drawing: one for each takes XLA several
    times as long to compile. Counted on the host: where nnx.Rngs counts within a trace, flax
    searches all of the trace again at every layer."""

    def __init__(self, key: PRNGKeyArray, most: int):
        keys = itertools.count()
        self.params = lambda: jax.random.fold_in(key, next(keys))
        numbers = jax.random.truncated_normal(self.params(), -2.0, 2.0, (most,))
        taken = 0

        def take(shape: tuple[int, ...]) -> Array:
            nonlocal taken
            first, taken = taken, taken + math.prod(shape)
            return numbers[first:taken].reshape(shape)

        self.take = take


class NothingDrawn(nnx.Rngs):
    """For a model whose shapes alone count: nothing is drawn, which takes long even in a trace."""

    def __init__(self):
        self.params = lambda: jax.random.key(0)
        self.take = jnp.zeros


def drawn(shape: tuple[int, ...], gain: float, rngs: nnx.Rngs) -> Array:
    """A kernel's first weights; `gain` is the variance of what it returns of noise."""
    if isinstance(rngs, DrawnAtOnce | NothingDrawn):
        numbers = rngs.take(shape)
    else:
        numbers = jax.random.truncated_normal(rngs.params(), -2.0, 2.0, shape)
    return numbers * (math.sqrt(gain / math.prod(shape[:-1])) / TRUNCATED)


class Convolution(nnx.Module):
    """A convolution whose weights are float32 and whose arithmetic is in `dtype`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        gain: float = 2.0,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.stride, self.dtype = stride, dtype
        self.kernel = nnx.Param(drawn((size, size, inputs, outputs), gain, rngs))
        self.bias = nnx.Param(jnp.zeros(outputs))

    def _operands(self, x: Float[Array, "b h w i"]) -> tuple[Array, Array, Array]:
        """Input, kernel and bias, in the layer's arithmetic."""
        x, kernel, bias = (a.astype(self.dtype) for a in (x, self.kernel[...], self.bias[...]))
        return x, kernel, bias

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b oh ow o"]:
        return conv(*self._operands(x), self.stride)


def together(
    layers: Sequence[Convolution], x: Float[Array, "b h w i"]
) -> list[Float[Array, "b h w o"]]:
    """Convolutions of one input and one width, as one: a wide one is faster than many narrow."""
    dtype = layers[0].dtype
    kernel = jnp.concatenate([layer.kernel[...] for layer in layers], -1).astype(dtype)
    bias = jnp.concatenate([layer.bias[...] for layer in layers]).astype(dtype)
    return jnp.split(conv(x.astype(dtype), kernel, bias), len(layers), -1)


class UpsampledConvolution(Convolution):
    """3x3, of its input at twice the resolution."""

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b 2*h 2*w o"]:
        return upsampled_conv(*self._operands(x))


class TransposedConvolution(Convolution):
    """Doubles the resolution."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        gain: float = 2.0,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        # A quarter of the taps meets each output sample.
        super().__init__(inputs, outputs, size, gain=4 * gain, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b 2*h 2*w o"]:
        return transposed_conv(*self._operands(x))


class Depthwise(nnx.Module):
    """3x3, each channel for itself."""

    def __init__(self, channels: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.dtype = dtype
        self.kernel = nnx.Param(drawn((3, 3, 1, channels), 1.0, rngs))
        self.bias = nnx.Param(jnp.zeros(channels))

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        kernel, bias = (a[...].astype(self.dtype) for a in (self.kernel, self.bias))
        out = lax.conv_general_dilated(
            x.astype(self.dtype),
            kernel,
            (1, 1),
            [(1, 1)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=x.shape[-1],
        )
        return out + bias


class PReLU(nnx.Module):
    """max(x, 0) + slope * min(x, 0), a slope for each channel."""

    def __init__(self, channels: int):
        self.slope = nnx.Param(jnp.full(channels, 0.25))

    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        return jnp.where(x >= 0, x, x * self.slope[...].astype(x.dtype))


def rectify(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """The activation of all transforms: without parameters, and with a gradient everywhere."""
    return jax.nn.leaky_relu(x, 0.1)


class Stack(nnx.Module):
    """Layers one after another with an activation between them."""

    def __init__(self, *layers: Convolution, activation: Activation = rectify):
        self.layers = nnx.List(layers)
        self.activation = activation

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b oh ow o"]:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def downsampling(*channels: int, dtype: DTypeLike, rngs: nnx.Rngs) -> Stack:
    """5x5 /2 convolutions through `channels`; the last one is linear."""
    widths = list(zip(channels[:-1], channels[1:], strict=True))
    gains = [2.0] * (len(widths) - 1) + [1.0]
    return Stack(
        *(
            Convolution(i, o, 5, stride=2, gain=gain, dtype=dtype, rngs=rngs)
            for (i, o), gain in zip(widths, gains, strict=True)
        )
    )


def upsampling(
    *channels: int, dtype: DTypeLike, rngs: nnx.Rngs, activation: Activation = rectify
) -> Stack:
    """5x5 x2 transposed convolutions through `channels`; the last one is linear."""
    widths = list(zip(channels[:-1], channels[1:], strict=True))
    gains = [2.0] * (len(widths) - 1) + [1.0]
    return Stack(
        *(
            TransposedConvolution(i, o, 5, gain=gain, dtype=dtype, rngs=rngs)
            for (i, o), gain in zip(widths, gains, strict=True)
        ),
        activation=activation,
    )
