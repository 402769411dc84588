"""One step on every device of every host. The only module that maps over devices.

The state is replicated and carries no device axis; the batch is split. Randomness belongs to a
group's place in the global batch, so any number of devices draws the same.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, UInt8

from kbvc_jax.training import schedule
from kbvc_jax.training.config import OptimiserConfig, TrainConfig
from kbvc_jax.training.loss import Metrics
from kbvc_jax.training.parameters import DENSITY, Parameters

AXIS = "devices"
MAX_SKIPPED_IN_A_ROW = 10
_SETTLING_STEPS = 20  # before the running norm is one

# (all parameters, one group's frames, its key, weight of the rate term) -> loss, metrics
GroupLoss = Callable[
    [Parameters, Float[Array, "t h w 3"], PRNGKeyArray, Float[Array, ""]],
    tuple[Float[Array, ""], Metrics],
]


class TrainState(NamedTuple):
    step: Int[Array, ""]
    trainable: Parameters
    frozen: Parameters
    average: Parameters  # of `trainable`: the weights that are validated and exported
    moments: optax.OptState
    gradient_norm: Float[Array, ""]  # running mean
    skipped: Int[Array, ""]
    skipped_in_a_row: Int[Array, ""]


def initial_state(trainable: Parameters, frozen: Parameters) -> TrainState:
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        trainable=trainable,
        frozen=frozen,
        average=jax.tree.map(jnp.copy, trainable),  # its own buffers: the step donates both
        moments=optax.scale_by_adam().init(trainable),
        gradient_norm=jnp.zeros(()),
        skipped=jnp.zeros((), jnp.int32),
        skipped_in_a_row=jnp.zeros((), jnp.int32),
    )


def train_step(config: TrainConfig, group_loss: GroupLoss):
    """(state, frames (devices, b, t, h, w, 3) of this host) -> state, metrics."""

    def step(state: TrainState, frames: UInt8[Array, "b t h w 3"]):
        keys = _keys(config.seed, state.step, len(frames))
        rate_weight = schedule.rate_weight(state.step, config.loss)

        def batch_loss(trainable: Parameters):
            parameters = trainable | state.frozen
            losses, metrics = jax.vmap(
                lambda group, key: group_loss(parameters, group, key, rate_weight)
            )(as_float(frames), keys)
            return jnp.mean(losses), jax.tree.map(jnp.mean, metrics)

        gradients, metrics = jax.grad(batch_loss, has_aux=True)(state.trainable)
        gradients, metrics = jax.lax.pmean((gradients, metrics), AXIS)
        return _update(config, state, gradients, metrics)

    return jax.pmap(
        step, axis_name=AXIS, in_axes=(None, 0), out_axes=(None, None), donate_argnums=0
    )


def evaluation_step(evaluate: Callable[[Parameters, Array, Array], tuple[Metrics, Array]]):
    """(parameters, frames (devices, b, t, h, w, 3), quality) -> mean metrics, frames found."""

    def step(parameters: Parameters, frames: UInt8[Array, "b t h w 3"], quality):
        metrics, found = jax.vmap(lambda group: evaluate(parameters, group, quality))(
            as_float(frames)
        )
        return jax.lax.pmean(jax.tree.map(jnp.mean, metrics), AXIS), found[0]

    # Frames are of the first device: they are for looking at.
    return jax.pmap(step, axis_name=AXIS, in_axes=(None, 0, None), out_axes=(None, None))


def replicate(tree: Any) -> Any:
    """On this host's devices, as the step returns it: else its second call would compile anew."""
    mesh = jax.sharding.Mesh(np.array(jax.local_devices()), (AXIS,))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf), everywhere), tree)


def split_batch(frames: UInt8[Any, "b t h w 3"]) -> UInt8[Any, "d b t h w 3"]:
    """This host's part of a batch, divided among its devices."""
    devices = jax.local_device_count()
    return frames.reshape(devices, len(frames) // devices, *frames.shape[1:])


def fetch(tree: Any) -> Any:
    """What a step returned, on this host."""

    def local(leaf):
        return np.asarray(leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf)

    return jax.tree.map(local, tree)


def as_float(frames: UInt8[Array, "*b"]) -> Float[Array, "*b"]:
    return frames.astype(jnp.float32) / 255


def _keys(seed: int, step: Int[Array, ""], groups: int) -> Key[Array, "b"]:
    """A key for each group, by its place in the global batch."""
    places = jax.lax.axis_index(AXIS) * groups + jnp.arange(groups)
    key = jax.random.fold_in(jax.random.key(seed), step)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, places)


def _update(
    config: TrainConfig, state: TrainState, gradients: Parameters, metrics: Metrics
) -> tuple[TrainState, Metrics]:
    """Adam, unless the gradient is not finite or spikes: then only the counters change."""
    optimiser = config.optimiser
    norm = optax.tree.norm(gradients)
    limit, running = _spike_limit(state, norm, optimiser)
    accepted = jnp.isfinite(norm) & jnp.isfinite(metrics["loss"]) & (norm <= limit)
    accepted &= state.skipped_in_a_row < MAX_SKIPPED_IN_A_ROW  # the run is over: touch nothing

    if optimiser.clip_norm is not None:
        clip = jnp.minimum(1.0, optimiser.clip_norm / jnp.maximum(norm, 1e-12))
        gradients = jax.tree.map(lambda g: g * clip, gradients)
    direction, moments = optax.scale_by_adam().update(gradients, state.moments)
    rate = schedule.learning_rate(state.step, config.steps, optimiser)
    rates = {
        name: rate * (optimiser.density_speed if DENSITY in name else 1) for name in state.trainable
    }
    trainable = jax.tree.map(lambda p, r, d: p - r * d, state.trainable, rates, direction)
    decay = schedule.average_decay(state.step, optimiser)
    average = jax.tree.map(lambda a, p: a + (1 - decay) * (p - a), state.average, trainable)

    updated = (trainable, average, moments)
    kept = (state.trainable, state.average, state.moments)
    updated = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), updated, kept)
    skipped = 1 - accepted.astype(jnp.int32)
    state = TrainState(
        step=state.step + 1,
        trainable=updated[0],
        frozen=state.frozen,
        average=updated[1],
        moments=updated[2],
        gradient_norm=running,
        skipped=state.skipped + skipped,
        skipped_in_a_row=(state.skipped_in_a_row + skipped) * skipped,
    )
    return state, metrics | {
        "gradient_norm": norm,
        "learning_rate": rate,
        "skipped": state.skipped,
        "skipped_in_a_row": state.skipped_in_a_row,
    }


def _spike_limit(
    state: TrainState, norm: Float[Array, ""], config: OptimiserConfig
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The largest norm that passes, and the running mean after this step.

    A spike enters the mean as the limit, so that a lasting change is accepted in the end.
    """
    factor = jnp.inf if config.spike_factor is None else config.spike_factor
    limit = jnp.where(state.step < _SETTLING_STEPS, jnp.inf, factor * state.gradient_norm)
    share = jnp.maximum(0.02, 1 / (state.step + 1))
    seen = jnp.where(jnp.isfinite(norm), jnp.minimum(norm, limit), state.gradient_norm)
    return limit, state.gradient_norm + share * (seen - state.gradient_norm)
