"""Where training starts: a codec that works, instead of noise.

Both auto-encoders begin as the Karhunen-Loeve transform of 16x16 pixels, one 2x2 step a layer, of
pixels whose correlation decays with distance: a picture for the image codec, the interpolator's
error for the frame codec, the blend's or the warped reference's for what sent motion leaves.
Decoders begin as its inverse, hyperpriors with the transform's own deviations. What the transform
leaves free keeps its random weights; the transform of blocks beside the image codec begins at 0.

Activations would clip half of each coefficient. Biases lift all of them by LIFT deviations, and the
next layer takes that away again; in a decoder one channel, constant at 1, is spent on it, since
there the lift arrives differently in each of the four output phases.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from kbvc_jax.models.codecs.image import ImageNetwork
from kbvc_jax.models.codecs.kernel import KernelNetwork
from kbvc_jax.models.codecs.motion.residual import ResidualNetwork
from kbvc_jax.models.codecs.ssf import SsfResidual
from kbvc_jax.models.hyperprior import Hyperprior
from kbvc_jax.models.kbvc import Kbvc
from kbvc_jax.models.layers import Stack
from kbvc_jax.models.rate_control import step_octaves

LIFT = 4.0
# Standard deviation of a sample in [0, 1], correlation of neighbours.
PICTURE = 0.25, 0.98
ERROR = 0.06, 0.9
COLOUR_CORRELATION = 0.9
FAINT = 0.01


class Step(NamedTuple):
    """From 2x2 blocks of `i` coefficients to `o`, by falling variance."""

    matrix: Float[np.ndarray, "o 2 2 i"]
    deviation: Float[np.ndarray, "o"]


def start(model: Kbvc) -> None:
    """Sets the weights; those of a model for a single lambda hold the gain that belongs to it."""
    config = model.config
    weight = config.fixed_lambda or math.sqrt(config.lambda_min * config.lambda_max)
    with jax.ensure_compile_time_eval():
        typical = float(jnp.exp2(step_octaves(weight)))
    own = 1.0 if config.gains else typical
    _start_image(model.image, own, typical)
    if model.frame is not None:
        _start_frame(model.frame, own, typical)
    if model.residual is not None:
        _start_residual(model.residual, own, typical)
    if model.ssf is not None:
        _start_ssf(model.ssf, own, typical)


def _start_image(codec: ImageNetwork, own: float, typical: float) -> None:
    transform = karhunen_loeve(_widths(codec.encoder), *PICTURE)
    _analysis(codec.encoder, transform, np.eye(3), own)
    _synthesis(codec.decoder, transform, own)
    _hyperprior(codec.hyperprior, transform[-1].deviation * own, typical / own)
    for layer in (codec.block_encoder, codec.block_decoder):
        if layer is not None:  # the network does it all at first
            layer.kernel[...] *= 0


def _start_frame(codec: KernelNetwork, own: float, typical: float) -> None:
    transform = karhunen_loeve(_widths(codec.encoder), *ERROR)
    # The frame minus what the codec returns at first: the interpolated frame, or both means.
    shares = {2: [-0.5, -0.5], 3: [0, 0, -1]}[len(codec.vertical)]
    inputs = np.kron([[1], *([share] for share in shares)], np.eye(3))
    _analysis(codec.encoder, transform, inputs, own)
    _synthesis(codec.trunk, transform, own)
    _hyperprior(codec.hyperprior, transform[-1].deviation * own, typical / own)


def _start_residual(codec: ResidualNetwork, own: float, typical: float) -> None:
    transform = karhunen_loeve(_widths(codec.encoder), *ERROR)
    # The frame minus what both references show of it.
    inputs = np.kron([[1], [-1], [0]], np.eye(3))
    _analysis(codec.encoder, transform, inputs, own)
    _synthesis(codec.decoder, transform, own)
    _hyperprior(codec.hyperprior, transform[-1].deviation * own, typical / own)


def _start_ssf(codec: SsfResidual, own: float, typical: float) -> None:
    transform = karhunen_loeve(_widths(codec.encoder), *ERROR)
    _analysis(codec.encoder, transform, np.eye(3), own)
    _synthesis(codec.decoder, transform, own)
    _hyperprior(codec.hyperprior, transform[-1].deviation * own, typical / own)


@functools.cache
def karhunen_loeve(
    widths: tuple[int, ...], deviation: float, correlation: float
) -> tuple[Step, ...]:
    """Orthonormal steps, each halving the resolution and keeping at most so many channels."""
    basis, steps = np.eye(3).reshape(3, 1, 1, 3), []
    for width in widths:
        kept, size = len(basis), 2 * basis.shape[1]
        quarters = np.zeros((2, 2, kept, 2, size // 2, 2, size // 2, 3))
        for row in range(2):
            for column in range(2):
                quarters[row, column, :, row, :, column] = basis
        quarters = quarters.reshape(4 * kept, size**2 * 3)
        covariance = quarters @ _covariance(size, deviation, correlation) @ quarters.T
        variance, vectors = np.linalg.eigh(covariance)
        largest = slice(None, -1 - min(width, 4 * kept), -1)
        matrix = vectors.T[largest]
        steps.append(Step(matrix.reshape(-1, 2, 2, kept), np.sqrt(variance[largest])))
        basis = (matrix @ quarters).reshape(-1, size, size, 3)
    return tuple(steps)


def _covariance(size: int, deviation: float, correlation: float) -> Float[np.ndarray, "n n"]:
    position = np.arange(size)
    line = correlation ** np.abs(position[:, None] - position)
    colour = np.where(np.eye(3) == 1, 1.0, COLOUR_CORRELATION)
    return deviation**2 * np.kron(np.kron(line, line), colour)


def _widths(encoder: Stack) -> tuple[int, ...]:
    """Channels to fill: all of the latent, one less of the hidden layers."""
    *hidden, latent = (layer.bias.shape[0] for layer in encoder.layers)
    return (*(width - 1 for width in hidden), latent)


def _analysis(
    stack: Stack, transform: Sequence[Step], inputs: Float[np.ndarray, "i 3"], gain: float
) -> None:
    """`inputs`: what of each input channel enters a pixel of the transform."""
    lift = np.zeros(3)
    for number, (layer, step) in enumerate(zip(stack.layers, transform, strict=True)):
        outputs, _, _, kept = step.matrix.shape
        taps = np.einsum("oyxi->yxio", step.matrix)
        if number == len(transform) - 1:
            taps = taps * gain  # einsum may have returned a view
        bias = -np.einsum("yxio,i->o", taps, lift)
        lift = LIFT * step.deviation * (number < len(transform) - 1)
        if number == 0:
            taps, kept = np.einsum("yxio,ci->yxco", taps, inputs), len(inputs)
        # Rows 2p and 2p + 1 meet output p by taps 2 and 3.
        kernel = layer.kernel[...].at[:, :, :, :outputs].set(0)
        layer.kernel[...] = kernel.at[2:4, 2:4, :kept, :outputs].set(taps)
        layer.bias[...] = layer.bias[...].at[:outputs].set(bias + lift)


def _synthesis(stack: Stack, transform: Sequence[Step], gain: float) -> None:
    """The inverse of the last steps, as many as there are layers."""
    lift = np.zeros(len(transform[-1].deviation))
    steps = transform[: -1 - len(stack.layers) : -1]
    deviations = [step.deviation for step in transform[-2::-1]]
    for number, (layer, step) in enumerate(zip(stack.layers, steps, strict=True)):
        inputs, _, _, outputs = step.matrix.shape
        taps = np.einsum("iyxo->yxio", step.matrix) / (gain if number == 0 else 1)
        # Output 2q + phase receives input q by tap 2 + phase.
        kernel = layer.kernel[...].at[:, :, :, :outputs].set(0)
        kernel = kernel.at[2:4, 2:4, :inputs, :outputs].set(taps)
        if number:
            kernel = kernel.at[2:4, 2:4, -1, :outputs].set(-np.einsum("yxio,i->yxo", taps, lift))
        bias = layer.bias[...]
        if number < len(deviations):
            lift = LIFT * deviations[number]
            bias = bias.at[:outputs].set(lift)
        if number < len(stack.layers) - 1:
            kernel, bias = kernel.at[..., -1].set(0), bias.at[-1].set(1)
        layer.kernel[...], layer.bias[...] = kernel, bias


def _hyperprior(hyperprior: Hyperprior, deviation: Float[np.ndarray, "c"], gain: float) -> None:
    """Nothing is known of a mean; a coefficient's scale is its deviation; z deviates by about 1."""
    known = len(deviation)
    last = hyperprior.mean_decoder.layers[-1]
    last.kernel[...] *= FAINT
    last = hyperprior.scale_decoder.layers[-1]
    last.kernel[...] *= FAINT
    last.bias[...] = last.bias[...].at[:known].set(np.log2(deviation))
    first = hyperprior.encoder.layers[0]
    first.kernel[...] = first.kernel[...].at[:, :, :known].divide(gain * deviation[:, None])
