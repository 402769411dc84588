"""Parameters and multiply-adds a pixel, by module (Tables 3 and 4).

A multiply-add is one of a convolution as the architecture states it, or of equation 1; padding,
warping and activations are not counted, as is usual.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
from flax import nnx

from kbvc_jax.models import layers
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc

HEIGHT = WIDTH = 256  # a multiple of every stride, so that no padding is counted


@dataclasses.dataclass(frozen=True)
class Row:
    module: str
    parameters: int
    macs_per_pixel: float


def complexity(config: ModelConfig) -> list[Row]:
    """The rows of Table 3, then the whole, with the multiply-adds of encoding one B-frame."""
    rows: list[Row] = []
    jax.eval_shape(lambda: rows.extend(_rows(Kbvc(config))))  # shapes alone: nothing is computed
    return rows


def _rows(model: Kbvc) -> list[Row]:
    config, image, codec = model.config, model.image, model.frame
    interpolator, fusion = model.interpolator, model.fusion
    frame = jnp.zeros((1, HEIGHT, WIDTH, 3))
    references = jnp.zeros((1, config.references, HEIGHT, WIDTH, 3))
    rate = Rate(jnp.zeros(1), jnp.ones(1, jnp.int32))
    latent = codec.analyse(frame, references, rate)
    features = codec.trunk(latent)
    heads = (*codec.vertical, *codec.horizontal)
    kernels = math.prod((config.references, 3, config.kernel_size + 1, config.kernel_size))
    rows = [
        Row(
            "image codec",
            _parameters(image),
            _macs(lambda: image.forward(frame, rate.quality)),
        ),
        Row(
            "kernel heads",
            _parameters(heads),
            _macs(lambda: codec.kernels(features)),
        ),
        Row(
            "frame auto-encoder",
            _parameters((codec.encoder, codec.trunk)) + _gains(codec),
            _macs(lambda: (codec.analyse(frame, references, rate), codec.trunk(latent))),
        ),
        Row(
            "frame hyperprior",
            _parameters(codec.hyperprior),
            _macs(lambda: codec.hyperprior(latent, rate)),
        ),
        Row("kernel synthesis", 0, float(kernels)),
    ]
    if interpolator is not None:
        macs = _macs(lambda: interpolator(frame, frame))
        rows.insert(1, Row("frame interpolator", _parameters(interpolator), macs))
    if fusion is not None:
        both = references[:, :2].swapaxes(0, 1)
        macs = _macs(lambda: fusion(frame, both, rate.quality))
        rows.append(Row("fusion", _parameters(fusion), macs))
    # By kernels, as the paper codes it.
    others = ("image codec", "fusion")
    b_frame = sum(row.macs_per_pixel for row in rows if row.module not in others)
    return [*rows, Row("total (a B-frame)", _parameters(model), b_frame)]


def _gains(codec) -> int:
    return _parameters([curve for curve in (codec.gain, codec.inverse_gain) if curve is not None])


def _parameters(node) -> int:
    return sum(math.prod(p.shape) for p in jax.tree.leaves(nnx.state(node, nnx.Param)))


def _macs(call: Callable[[], Any]) -> float:
    """Of the convolutions that a call meets, a pixel."""
    with _counting() as counts:
        call()
    return sum(counts) / (HEIGHT * WIDTH)


@contextmanager
def _counting() -> Iterator[list[int]]:
    """Every convolution tells how many multiply-adds its call takes."""
    counts: list[int] = []

    def told(name: str, positions: Callable):
        operation = getattr(layers, name)

        def counted(x, kernel, bias, *stride):
            out = operation(x, kernel, bias, *stride)
            # A transposed convolution applies its kernel at each input, the others at each output.
            counts.append(kernel.size * math.prod(positions(x, out).shape[:-1]))
            return out

        return mock.patch.object(layers, name, counted)

    with (
        told("conv", lambda x, out: out),
        told("transposed_conv", lambda x, out: x),
        told("upsampled_conv", lambda x, out: out),
    ):
        yield counts
