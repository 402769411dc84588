"""Weights that another run or an inference checkpoint lends to the start of a run.

A folder of a recipe's runs stands for all of them, in order. Where several hold the same ones,
those of the last that trained them count: a run of the frame codec carries an image codec along,
which another run may have improved meanwhile.
Between two models of one lambda each, latents are scaled to the quantiser's steps of the new one.
A narrower model's fill the first channels of a wider one, which then returns the same pictures at
first: new channels begin as in the wider model's own start, and no known one listens to them yet.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from etils import epath
from jaxtyping import Array, Shaped

from kbvc_jax.models.checkpoint import load_inference
from kbvc_jax.models.config import CodecConfig, ModelConfig
from kbvc_jax.models.parameters import Parameters, split
from kbvc_jax.models.rate_control import carry_over
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.checkpoints import load_run
from kbvc_jax.training.parameters import (
    HYPERPRIOR,
    INTERPOLATOR,
    trained_in,
)
from kbvc_jax.training.recipe_folder import runs_in
from kbvc_jax.training.run_folder import CONFIG_FILE

KERNEL_AXES = 4  # rows, columns, inputs, outputs


class Weights(NamedTuple):
    model: ModelConfig
    parameters: Parameters
    stage: str = ""  # of a run: what it did not train it only carries along


def read_weights(source: str) -> Weights:
    """Of a run, or of an inference checkpoint."""
    if (epath.Path(source) / CONFIG_FILE).exists():
        config, parameters, *_ = load_run(source)
        return Weights(config.model, parameters, config.stage)
    model = load_inference(source).model
    return Weights(model.config, split(model)[1])


def weights_in(sources: str) -> list[str]:
    """The single ones that a list with commas names."""
    out = []
    for source in filter(None, sources.split(",")):
        runs = runs_in(source)
        if not runs:
            raise InputError(f"{source}: no stage has a checkpoint yet; train some steps first")
        out += [str(run) for run in runs]
    return out


def start_from(
    parameters: Parameters, sources: str, model: ModelConfig, stage: str = "codec"
) -> Parameters:
    """`parameters` as the sources have them, as far as they do. Lambdas may differ, and a source
    may be narrower; in the stage of the hyperpriors, those of another depth begin anew."""
    carried, trained = {}, {}
    for source in weights_in(sources):
        weights = read_weights(source)
        if stage == "hyperprior":
            weights = _without_other_depths(weights, model)
        weights = _at_lambda(weights, model)
        for name, value in _fitted(parameters, source, weights, model).items():
            own = not weights.stage or trained_in(weights.stage, name)
            (trained if own else carried)[name] = value
    return parameters | carried | trained


def _fitted(
    parameters: Parameters, source: str, weights: Weights, model: ModelConfig
) -> Parameters:
    """What a source has of `parameters`, in their shapes."""
    theirs, found, _ = weights
    if not found.keys() & parameters.keys():
        raise InputError(f"init_from={source}: holds none of this model's parameters")
    _check_depths(source, found, theirs, model)
    out = {}
    for name in found.keys() & parameters.keys():
        value, wide = found[name], parameters[name]
        if name.endswith(".knots") and theirs.gains and model.gains:
            curve = name.split(".")[-2]
            sign = {"inverse_gain": -1, "feedback": 0}.get(curve, +1)
            value = carry_over(np.asarray(value), sign, theirs, model)
        if not _fits(name, value.shape, wide.shape, theirs, model):
            raise InputError(
                f"init_from={source}: {name} has shape {value.shape}; "
                f"this configuration wants {wide.shape}"
            )
        out[name] = _widen(jnp.asarray(value), wide)
    return out


def _at_lambda(weights: Weights, model: ModelConfig) -> Weights:
    """The same pictures by other steps: the best uniform one goes with lambda ** -0.5."""
    theirs, ours = weights.model.fixed_lambda, model.fixed_lambda
    if theirs is None or ours is None or theirs == ours:
        return weights
    gain, factors, octaves = math.sqrt(ours / theirs), dict[str, float](), dict[str, float]()
    for codec, widths in _codecs(weights.model).items():
        synthesis = "trunk" if codec == "frame" else "decoder"
        last, depth = len(widths.hidden_channels), len(widths.hyper_channels) - 1
        hyperprior = codec + HYPERPRIOR
        for part in ("kernel", "bias"):
            factors[f"{codec}.encoder.layers.{last}.{part}"] = gain
            factors[f"{hyperprior}mean_decoder.layers.{depth}.{part}"] = gain
        factors[f"{codec}.{synthesis}.layers.0.kernel"] = 1 / gain
        factors[f"{hyperprior}encoder.layers.0.kernel"] = 1 / gain
        octaves[f"{hyperprior}scale_decoder.layers.{depth}.bias"] = math.log2(gain)
    scaled = {
        name: value * factors.get(name, 1) + octaves.get(name, 0)
        for name, value in weights.parameters.items()
    }
    return weights._replace(parameters=scaled)


def _codecs(model: ModelConfig) -> dict[str, CodecConfig]:
    """The auto-encoders that lambda decides about, by the names of their networks."""
    own = {"image": model.image, "frame": model.frame}
    if model.ssf is not None:
        own |= {"ssf_motion": model.ssf.motion, "ssf": model.ssf.residual}
    return {name: widths for name, widths in own.items() if widths is not None}


def _other_depths(theirs: ModelConfig, model: ModelConfig) -> list[str]:
    """The codecs whose hyperpriors have more or fewer layers there."""
    there, here = _codecs(theirs), _codecs(model)
    return [
        codec
        for codec in there.keys() & here.keys()
        if len(there[codec].hyper_channels) != len(here[codec].hyper_channels)
    ]


def _without_other_depths(weights: Weights, model: ModelConfig) -> Weights:
    others = tuple(codec + HYPERPRIOR for codec in _other_depths(weights.model, model))
    kept = {k: v for k, v in weights.parameters.items() if not k.startswith(others)}
    return weights._replace(parameters=kept)


def _check_depths(source: str, found: Parameters, theirs: ModelConfig, model: ModelConfig) -> None:
    for codec in _other_depths(theirs, model):
        if any(name.startswith(codec + HYPERPRIOR) for name in found):
            depth, wanted = (len(_codecs(c)[codec].hyper_channels) for c in (theirs, model))
            raise InputError(
                f"init_from={source}: its {codec} codec has {depth} hyperprior layers; this "
                f"configuration wants {wanted}, which stage=hyperprior would begin anew"
            )


def _fits(
    name: str,
    narrow: tuple[int, ...],
    wide: tuple[int, ...],
    source: ModelConfig,
    target: ModelConfig,
) -> bool:
    """Whether one array is a corner of the other, channel by channel.

    The taps of kernels lie around a centre, and the interpolator's side channels are its last.
    """
    if name.startswith(INTERPOLATOR) or source.kernel_size != target.kernel_size:
        return narrow == wide
    if len(narrow) != len(wide) or (len(wide) == KERNEL_AXES and narrow[:2] != wide[:2]):
        return False
    return all(n <= w for n, w in zip(narrow, wide, strict=True))


def _widen(narrow: Shaped[Array, "..."], wide: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    wide = jnp.asarray(wide)
    if narrow.ndim == KERNEL_AXES:
        inputs, outputs = narrow.shape[2:]
        wide = wide.at[:, :, inputs:, :outputs].set(0)
    return wide.at[tuple(slice(size) for size in narrow.shape)].set(narrow)
