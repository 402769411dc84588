"""A tiny model with random weights: bad pictures, real streams."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from kbvc_jax.coding.tables import gaussian_tables
from kbvc_jax.models.checkpoint import InferenceModel, assemble, load_inference
from kbvc_jax.models.config import (
    CodecConfig,
    FineConfig,
    InterpolatorConfig,
    ModelConfig,
    MotionConfig,
    SsfConfig,
)
from kbvc_jax.models.entropy_model import quantise_hyperprior
from kbvc_jax.models.kbvc import Kbvc, shapes_of
from kbvc_jax.models.parameters import Parameters, Skeleton, split
from kbvc_jax.ops.densities import scale_table
from kbvc_jax.training.config import TrainConfig
from kbvc_jax.training.parameters import build

TINY = ModelConfig(
    # The two differ in everything in which they may.
    image=CodecConfig((6, 8, 10), latent_channels=12, hyper_channels=(8, 6)),
    frame=CodecConfig((8, 8, 8), latent_channels=8, hyper_channels=(8, 8, 8)),
    head_channels=4,
    kernel_size=3,
    interpolator=InterpolatorConfig(channels=(4, 4, 6, 6), side_channels=2, matched=True),
    b_frames="predicted",
    quality_points=2,
    block_transform=True,
    fusion_channels=6,
)
# The same that can send motion; apart, since that takes long to compile.
SENDING = dataclasses.replace(
    TINY,
    motion=MotionConfig(
        channels=8,
        hidden_channels=6,
        hyper_channels=(6, 5),
        residual=CodecConfig((5, 7, 9), latent_channels=10, hyper_channels=(7, 5)),
        fusion_channels=5,
    ),
)
# The second paper's network: latents are a multiple of its groups.
FINE = dataclasses.replace(
    TINY,
    fine=FineConfig(
        flow_channels=(3, 4, 3, 2), motion_channels=4, context_channels=(4, 5, 6), latent_channels=8
    ),
)
# Scale-space flow: P-frames alone.
SSF = dataclasses.replace(
    TINY,
    frame=None,
    interpolate=False,
    b_frames=None,
    p_frames="ssf",
    fusion_channels=0,
    ssf=SsfConfig(
        motion=CodecConfig((5, 6, 7), latent_channels=8, hyper_channels=(6, 5)),
        residual=CodecConfig((6, 7, 8), latent_channels=9, hyper_channels=(7, 6)),
    ),
)


def tiny_model(seed: int, config: ModelConfig = TINY) -> Kbvc:
    rng = np.random.default_rng(seed)

    def draw(shape):
        fan_in = np.prod(shape.shape[:-1], initial=1)
        return jnp.asarray(rng.normal(0, (2 / fan_in) ** 0.5, shape.shape), shape.dtype)

    # NumPy draws at once what XLA would compile for most of a minute.
    graph, shapes = _shapes(config)
    return nnx.merge(graph, jax.tree.map(draw, shapes))


@functools.cache
def _shapes(config: ModelConfig) -> tuple[nnx.GraphDef, nnx.State]:
    return nnx.split(shapes_of(config))


def built(config: ModelConfig) -> Kbvc:
    """As training begins with it."""
    skeleton, arrays = _built(config)
    return skeleton.model(arrays)


@functools.cache
def _built(config: ModelConfig) -> tuple[Skeleton, Parameters]:
    return split(build(TrainConfig(model=config)))


def perturbed(module: nnx.Module, by: float = 0.3) -> nnx.Module:
    graph, state = nnx.split(module)
    rng = np.random.default_rng(1)
    noise = functools.partial(rng.normal, 0, by)
    state = jax.tree.map(lambda x: x + noise(x.shape).astype(x.dtype), state)
    return nnx.merge(graph, state)


# A checkpoint of tests that run many commands: Orbax takes a second for each reading.
read_once = functools.cache(load_inference)


def tiny_inference(seed: int, config: ModelConfig = TINY) -> InferenceModel:
    return inference(tiny_model(seed, config), seed)


def inference(model: Kbvc, seed: int) -> InferenceModel:
    """With tables of its own."""
    rng = np.random.default_rng(seed)

    def quantised(hyperprior):
        z = rng.integers(-3, 4, (1, 2, 2, hyperprior.z_channels))
        return quantise_hyperprior(hyperprior, jnp.asarray(z))

    names = ("image", "frame", "motion", "residual", "fine_motion", "fine", "ssf_motion", "ssf")
    networks = {name: getattr(model, name) for name in names}
    entropy = {name: quantised(own.hyperprior) for name, own in networks.items() if own}
    return assemble(model, entropy, gaussian_tables(scale_table().tolist()))
