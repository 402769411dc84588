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
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from kbvc_jax.models.parameters import Parameters
from kbvc_jax.training import schedule
from kbvc_jax.training.config import OptimiserConfig, TrainConfig
from kbvc_jax.training.loss import Metrics
from kbvc_jax.training.optimiser import nan_unless, optimiser, skipped, skipped_in_a_row

AXIS = "devices"
MAX_SKIPPED_IN_A_ROW = 10

# What a stage learns from: frames, or these and what was found out about them (Stage.prepare).
Groups = Any
# (all parameters, one group, its key, weight of the rate term) -> loss, metrics
GroupLoss = Callable[
    [Parameters, Any, PRNGKeyArray, Float[Array, ""]], tuple[Float[Array, ""], Metrics]
]


class TrainState(NamedTuple):
    step: Int[Array, ""]
    trainable: Parameters
    frozen: Parameters
    average: Parameters  # of `trainable`: the weights that are validated and exported
    optimiser: optax.OptState


def initial_state(trainable: Parameters, frozen: Parameters, config: OptimiserConfig) -> TrainState:
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        trainable=trainable,
        frozen=frozen,
        average=jax.tree.map(jnp.copy, trainable),  # its own buffers: the step donates both
        optimiser=optimiser(config, steps=0).init(trainable),  # the same for any number of steps
    )


def train_step(config: TrainConfig, group_loss: GroupLoss):
    """(state, groups (devices, b, ...) of this host) -> state, metrics."""

    def step(state: TrainState, groups: Groups):
        keys = _keys(config.seed, state.step, len(jax.tree.leaves(groups)[0]))
        rate_weight = schedule.rate_weight(state.step, config.loss)

        def batch_loss(trainable: Parameters):
            parameters = trainable | state.frozen
            losses, metrics = jax.vmap(
                lambda group, key: group_loss(parameters, group, key, rate_weight)
            )(as_float(groups), keys)
            return jnp.mean(losses), jax.tree.map(jnp.mean, metrics)

        gradients, metrics = jax.grad(batch_loss, has_aux=True)(state.trainable)
        gradients, metrics = jax.lax.pmean((gradients, metrics), AXIS)
        return _update(config, state, gradients, metrics)

    return jax.pmap(
        step, axis_name=AXIS, in_axes=(None, 0), out_axes=(None, None), donate_argnums=0
    )


def evaluation_step(evaluate: Callable[[Parameters, Array, Array], tuple[Metrics, Any]]):
    """(parameters, groups (devices, b, ...), quality) -> mean metrics, what one group shows."""

    def step(parameters: Parameters, groups: Groups, quality):
        metrics, found = jax.vmap(lambda group: evaluate(parameters, group, quality))(
            as_float(groups)
        )
        metrics = jax.lax.pmean(jax.tree.map(jnp.mean, metrics), AXIS)
        return metrics, jax.tree.map(lambda part: part[0], found)

    # It is of the first device: it is for looking at.
    return jax.pmap(step, axis_name=AXIS, in_axes=(None, 0, None), out_axes=(None, None))


def replicate(tree: Any) -> Any:
    """On this host's devices, as the step returns it: else its second call would compile anew."""
    mesh = jax.sharding.Mesh(np.array(jax.local_devices()), (AXIS,))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf), everywhere), tree)


def split_batch(groups: Groups) -> Groups:
    """This host's part of a batch, divided among its devices."""
    devices = jax.local_device_count()
    return jax.tree.map(lambda x: x.reshape(devices, len(x) // devices, *x.shape[1:]), groups)


def fetch(tree: Any) -> Any:
    """What a step returned, on this host."""

    def local(leaf):
        return np.asarray(leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf)

    return jax.tree.map(local, tree)


def as_float(groups: Groups) -> Groups:
    """Frames in 0 to 1; what is in floats already stays."""

    def converted(x: Array) -> Array:
        return x.astype(jnp.float32) / 255 if x.dtype == jnp.uint8 else x

    return jax.tree.map(converted, groups)


def _keys(seed: int, step: Int[Array, ""], groups: int) -> Key[Array, "b"]:
    """A key for each group, by its place in the global batch."""
    places = jax.lax.axis_index(AXIS) * groups + jnp.arange(groups)
    key = jax.random.fold_in(jax.random.key(seed), step)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, places)


def _update(
    config: TrainConfig, state: TrainState, gradients: Parameters, metrics: Metrics
) -> tuple[TrainState, Metrics]:
    """Adam, unless the gradient is not finite or spikes: then only the counters change."""
    norm = optax.tree.norm(gradients)
    # The chain skips what is not finite: of a loss as well, and all once the run is over.
    over = skipped_in_a_row(state.optimiser) >= MAX_SKIPPED_IN_A_ROW
    gradients = nan_unless(jnp.isfinite(metrics["loss"]) & ~over, gradients)

    chain = optimiser(config.optimiser, config.steps)
    updates, chain_state = chain.update(gradients, state.optimiser, state.trainable)
    trainable: Any = optax.apply_updates(state.trainable, updates)
    in_a_row = skipped_in_a_row(chain_state)
    share = 1 - schedule.average_decay(state.step, config.optimiser)
    share = jnp.where(in_a_row == 0, share, 0.0)
    average: Any = optax.incremental_update(trainable, state.average, share)

    after = TrainState(state.step + 1, trainable, state.frozen, average, chain_state)
    return after, metrics | {
        "gradient_norm": norm,
        "learning_rate": schedule.learning_rate(config.steps, config.optimiser)(state.step),
        "skipped": skipped(chain_state),
        "skipped_in_a_row": in_a_row,
    }
