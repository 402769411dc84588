"""The model of step 0, and which of its parameters a stage trains."""

import functools
from typing import Any

import jax
from flax import nnx
from jaxtyping import PRNGKeyArray

from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.kbvc import Kbvc, first_weights
from kbvc_jax.models.parameters import Parameters
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.starting_point import start

# What the names of their parameters begin with.
INTERPOLATOR, IMAGE, FRAME, FUSION = "interpolator.", "image.", "frame.", "fusion."
# Where content lies, what is sent of it, the frame under what that tells: small and full size.
FLOW = "flow."
MOTION, FINE_MOTION = "motion.", "fine_motion."
RESIDUAL, FINE = "residual.", "fine."
SENT = (FLOW, MOTION, FINE_MOTION, RESIDUAL, FINE)
HYPERPRIOR = ".hyperprior."  # what those of both hyperpriors contain
DENSITY = ".bottleneck."  # and those of z's densities


def build(config: TrainConfig) -> Kbvc:
    """The model of step 0. Made in one compilation: array by array it takes a minute on a CPU, and
    with the default generator, too."""
    what = config.model, config.precision, config.start
    key = jax.random.key(config.seed, impl="rbg")
    graph = nnx.graphdef(nnx.eval_shape(lambda: _made(*what, key)))
    return nnx.merge(graph, _arrays(*what, key))


def _made(model: ModelConfig, precision: str, begin: str, key: PRNGKeyArray) -> Kbvc:
    made = Kbvc(model, first_weights(model, key), precision)
    if begin == "transform":
        start(made)
    return made


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _arrays(model: ModelConfig, precision: str, begin: str, key: PRNGKeyArray) -> Any:
    return nnx.state(_made(model, precision, begin, key))


def trained_in(stage: str, name: str) -> bool:
    """Whether a run of the stage trains the parameter of that name, or carries it along."""
    return {
        "interpolator": True,
        "image": name.startswith(IMAGE),
        "codec": not name.startswith((INTERPOLATOR, FUSION, *SENT)),
        "frame": name.startswith(FRAME),
        "hyperprior": HYPERPRIOR in name and name.startswith((IMAGE, FRAME)),
        "flow": name.startswith(FLOW),
        "motion": name.startswith((MOTION, FINE_MOTION)),
        "residual": name.startswith((RESIDUAL, FINE)),
        "joint": name.startswith(SENT),
        "fusion": name.startswith(FUSION),
    }[stage]


def count(parameters: Parameters) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(parameters))
