"""Parameters and multiply-adds a pixel: of each module (Tables 3 and 4), and of coding a B-frame,
or a P-frame by a model that has no others.

How they are counted: multiply_adds.py.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from kbvc_jax.models.codecs.around_hyperprior import LatentNetwork
from kbvc_jax.models.codecs.contract import Decoded, Size, Symbols, Values
from kbvc_jax.models.codecs.fusion import SIDES
from kbvc_jax.models.codecs.kernel import KernelNetwork
from kbvc_jax.models.codecs.motion.estimation import straight
from kbvc_jax.models.codecs.numbers import ONE_SIDED
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.codecs.walk import Read, walk
from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.hyperprior import Gaussian, Hyperprior, Rate
from kbvc_jax.models.kbvc import Kbvc, shapes_of
from kbvc_jax.models.multiply_adds import Count, count
from kbvc_jax.ops.alignment import align
from kbvc_jax.ops.matching import match

HEIGHT = WIDTH = 256  # a multiple of every stride, so that no padding is counted
FRAME = jax.ShapeDtypeStruct((1, HEIGHT, WIDTH, 3), jnp.float32)
TOTAL = "total (a {}-frame)"


@dataclasses.dataclass(frozen=True)
class Row:
    module: str
    parameters: int
    macs_per_pixel: float


@functools.cache
def complexity(config: ModelConfig) -> tuple[Row, ...]:
    """The rows of Table 3, then the whole, with the multiply-adds of encoding a B-frame by
    kernels; of scale-space flow the rows that its paper would have."""
    model = shapes_of(config)
    image = model.image
    whole = _image_encoder(model) + _image_decoder(model) + _hyperprior(image, config.image)
    between = _scale_space_flow(model) if config.ssf else _motion_free(model)
    return (
        Row("image codec", _parameters(image), whole),
        *between,
        *_fusion(model),
        Row(
            TOTAL.format("B" if config.b_frames else "P"),
            _parameters(model),
            sum(row.macs_per_pixel for row in between),
        ),
    )


def _motion_free(model: Kbvc) -> list[Row]:
    frame, own = model.frame, model.config.frame
    assert frame is not None and own is not None
    auto_encoder = _parameters(frame.encoder, frame.trunk, frame.gain, frame.inverse_gain)
    return [
        *_interpolation(model),
        *_kernels(frame, own, model.config),
        Row(
            "frame auto-encoder",
            auto_encoder,
            _frame_encoder(frame, model.config) + _trunk(frame, own),
        ),
        Row("frame hyperprior", _parameters(frame.hyperprior), _hyperprior(frame, own)),
    ]


def _scale_space_flow(model: Kbvc) -> list[Row]:
    motion, residual, own = model.ssf_motion, model.ssf, model.config.ssf
    assert motion is not None and residual is not None and own is not None
    m, y = _latent(own.motion), _latent(own.residual)
    warping = _macs(motion, lambda codec, *x: codec.warp(*x, _rate()).predicted, m, FRAME)
    return [
        Row(
            "motion auto-encoder",
            _parameters(motion.encoder, motion.decoder, motion.gain, motion.inverse_gain),
            _macs(motion, lambda codec, *x: codec.analyse(*x, _rate()), FRAME, FRAME) + warping,
        ),
        Row("motion hyperprior", _parameters(motion.hyperprior), _hyperprior(motion, own.motion)),
        Row(
            "residual auto-encoder",
            _parameters(residual.encoder, residual.decoder, residual.gain, residual.inverse_gain),
            _macs(residual, lambda codec, *x: codec.analyse(*x, _rate()), FRAME, FRAME)
            + _macs(residual, lambda codec, *x: codec.synthesise(*x, _rate()), y, m),
        ),
        Row(
            "residual hyperprior",
            _parameters(residual.hyperprior),
            _hyperprior(residual, own.residual),
        ),
    ]


@functools.cache
def coding(config: ModelConfig) -> tuple[Row, ...]:
    """A frame by each codec that the model is made for: the parts of a decoder, all of it, and all
    of an encoder that refines nothing. How symbols are rounded is not counted."""
    closing = [name for name in config.p_frames.split(",") if name in ONE_SIDED]
    names = dict.fromkeys([*config.inter_codecs, *closing])
    return tuple(row for codec in names for row in _coding(config, codec))


def _coding(config: ModelConfig, name: str) -> list[Row]:
    model, size = shapes_of(config), Size(HEIGHT, WIDTH)
    one_sided = name in ONE_SIDED
    what = f"a {'P' if one_sided else 'B'}-frame by {name}"

    def image(model: Kbvc, frame: Array) -> Decoded:
        codec, rate = model.codec("image", size), _rate()
        return codec.synthesise(codec.analyse(frame, None, None, rate), None, rate)

    def references(model: Kbvc, sides: Sequence[Decoded]) -> Any:
        codec = model.codec(name, size)
        if codec.needs_memory:
            sides = [Decoded(s.frame, codec.recalled(s.memory, config, size)) for s in sides]
        return codec.context(sides, _rate())

    def priors(model: Kbvc, symbols: Symbols, context: Any) -> tuple[Values, Any, list[Any]]:
        codec, rate = model.codec(name, size), _rate()
        known, context = walk(codec, Read(symbols), context, rate)
        told = [codec.density(x, known, context, rate) for x in codec.latents if not x.adaptive]
        return known, context, [density.scale for density in told if isinstance(density, Gaussian)]

    def picture(model: Kbvc, known: Values, context: Any) -> Array:
        return model.codec(name, size).synthesise(known, context, _rate()).frame

    def analysis(
        model: Kbvc, frame: Array, observed: Any, context: Any, learnt: Any
    ) -> tuple[Values, Values]:
        codec, rate = model.codec(name, size), _rate()
        rest = codec.settle(codec.analyse(frame, observed, learnt, rate), learnt, rate)
        return codec.analyse_first(frame, observed, context, rate), rest

    latents = model.codec(name, size).latents
    known = {latent.name: _array(1, *latent.shape) for latent in latents}
    symbols = {n: jax.ShapeDtypeStruct(v.shape, jnp.int32) for n, v in known.items()}
    sides = [_shapes(image, model, FRAME)] * (1 if one_sided else 2)
    context = _shapes(references, model, sides)
    _, learnt, _ = _shapes(priors, model, symbols, context)
    blank = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    ways = straight(blank[0], [blank[0]] * len(sides))
    observed = CODECS[name].observe(ways, [blank] * len(sides))  # on the host, and not counted
    parts = {
        references: _count(model, references, sides),
        priors: _count(model, priors, symbols, context),
        picture: _count(model, picture, known, learnt),
    }
    decoder = [*parts.values()]
    encoder = [*decoder, _count(model, analysis, FRAME, observed, context, learnt)]
    return [
        *(_row(f"decoder: {part.__name__}", model, [found]) for part, found in parts.items()),
        _row(f"decoder, {what}", model, decoder),
        _row(f"encoder, {what}", model, encoder),
    ]


def _shapes(call: Callable[..., Any], model: Kbvc, *inputs: Any) -> Any:
    graph, parameters = nnx.split(model)
    return jax.eval_shape(lambda p, *x: call(nnx.merge(graph, p), *x), parameters, *inputs)


def _row(module: str, model: nnx.Module, counts: Sequence[Count]) -> Row:
    """Of several calls: parameters that any of them uses count once."""
    leaves = jax.tree.leaves(nnx.split(model)[1])
    used = set[int]().union(*(found.used for found in counts))
    total = sum(found.multiply_adds for found in counts)
    return Row(module, sum(math.prod(leaves[i].shape) for i in used), total / (HEIGHT * WIDTH))


def _interpolation(model: Kbvc) -> list[Row]:
    interpolator = model.interpolator
    if interpolator is None:
        return []
    macs = _macs(interpolator, lambda network, *sides: network(*sides), FRAME, FRAME)
    matching = _operations(match) if interpolator.matched else 0.0
    rows = [Row("frame interpolator", _parameters(interpolator), macs - matching)]
    return [*rows, Row("block matching", 0, matching)] if interpolator.matched else rows


def _fusion(model: Kbvc) -> list[Row]:
    fusion = model.fusion
    if fusion is None:
        return []
    sides = _array(SIDES, *FRAME.shape)
    macs = _macs(fusion, lambda network, *seen: network(*seen, _rate().quality), FRAME, sides)
    return [
        Row("alignment", 0, SIDES * _operations(align)),
        Row("fusion", _parameters(fusion), macs),
    ]


def _kernels(frame: KernelNetwork, own: CodecConfig, config: ModelConfig) -> list[Row]:
    """From features to a frame."""
    features = _array(1, HEIGHT // 2, WIDTH // 2, own.hidden_channels[0])
    heads = _macs(frame, lambda codec, x: codec.kernels(x), features)
    synthesis = config.references * 3 * config.kernel_size * (config.kernel_size + 1)
    return [
        Row("kernel heads", _parameters(frame.vertical, frame.horizontal), heads),
        Row("kernel synthesis", 0, float(synthesis)),
    ]


def _image_encoder(model: Kbvc) -> float:
    return _macs(model.image, lambda codec, x: codec.analyse(x, _rate()), FRAME)


def _image_decoder(model: Kbvc) -> float:
    latent = _latent(model.config.image)
    return _macs(model.image, lambda codec, y: codec.synthesise(y, _rate()), latent)


def _frame_encoder(frame: KernelNetwork, config: ModelConfig) -> float:
    references = _array(1, config.references, HEIGHT, WIDTH, 3)
    return _macs(frame, lambda codec, *x: codec.analyse(*x, _rate()), FRAME, references)


def _trunk(frame: KernelNetwork, own: CodecConfig) -> float:
    return _macs(frame, lambda codec, y: codec.features(y, _rate()), _latent(own))


def _hyperprior(codec: LatentNetwork, own: CodecConfig) -> float:
    return _hyper_encoder(codec, own) + _hyper_decoders(codec, own)


def _hyper_encoder(codec: LatentNetwork, own: CodecConfig) -> float:
    return _macs(codec.hyperprior, lambda part, y: part.hyper_latent(y), _latent(own))


def _hyper_decoders(codec: LatentNetwork, own: CodecConfig) -> float:
    _, height, width, _ = _latent(own).shape
    stride = codec.hyperprior.stride
    z = _array(1, height // stride, width // stride, own.hyper_channels[-1])

    def decode(part: Hyperprior, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        return part.mean(z, height, width), part.log2_scale(z, _rate(), height, width)

    return _macs(codec.hyperprior, decode, z)


def _parameters(*parts: nnx.Module | None) -> int:
    found = nnx.state([part for part in parts if part is not None], nnx.Param)
    return sum(math.prod(p.shape) for p in jax.tree.leaves(found))


def _macs(part: nnx.Module, call: Callable[..., Any], *inputs: jax.ShapeDtypeStruct) -> float:
    """A pixel, of a call of a part of the model with these inputs."""
    return _count(part, call, *inputs).multiply_adds / (HEIGHT * WIDTH)


def _count(part: nnx.Module, call: Callable[..., Any], *inputs: Any) -> Count:
    graph, parameters = nnx.split(part)

    def merged(parameters: Any, *inputs: Any) -> Any:
        return call(nnx.merge(graph, parameters), *inputs)

    return count(merged, parameters, *inputs)


def _operations(of_two: Callable[..., Any]) -> float:
    """A pixel, of what looks for one frame in another."""
    found = count(lambda _, *frames: of_two(*frames), (), FRAME, FRAME)
    return found.multiply_adds / (HEIGHT * WIDTH)


def _rate() -> Rate:
    """Any: it decides no shape."""
    return Rate(jnp.zeros(1), jnp.zeros(1, jnp.int32), jnp.ones((1, 2), jnp.int32))


def _array(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _latent(own: CodecConfig) -> jax.ShapeDtypeStruct:
    block = 2 ** (len(own.hidden_channels) + 1)
    return _array(1, HEIGHT // block, WIDTH // block, own.latent_channels)
