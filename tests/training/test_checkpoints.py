import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.checkpoints import Checkpoints, load_run
from kbvc_jax.training.config import CheckpointConfig
from kbvc_jax.training.run_folder import open_run
from kbvc_jax.training.step import initial_state
from tests.training.stub import config


def state_of(value: float, step: int = 0):
    trainable = {"image.gain": jnp.full(3, value)}
    frozen = {"interpolator.offset": jnp.full(2, 7.0)}
    state = initial_state(trainable, frozen, config().optimiser)
    return state._replace(
        step=jnp.int32(step), average=jax.tree.map(lambda leaf: leaf + 100, trainable)
    )


@pytest.fixture
def folder(tmp_path):
    with open_run(tmp_path / "run", config()) as folder:
        pass
    return folder


def test_what_was_saved_comes_back_bit_for_bit(folder):
    state = state_of(1 / 3, step=4)
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(state, 4, {"step": 9})
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        assert checkpoints.latest == 4
        restored, data = checkpoints.restore(state_of(0.0))
    assert data == {"step": 9}
    jax.tree.map(np.testing.assert_array_equal, restored, state)


def test_a_checkpoint_of_another_form_is_refused_and_its_weights_are_read(folder):
    """As version 0.15 wrote them, with Adam's moments beside the weights."""
    state = state_of(1.0)
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(state, 4, {})
    old = {"trainable": state.trainable, "frozen": state.frozen, "average": state.average}
    with ocp.StandardCheckpointer() as checkpointer:
        place = folder / "checkpoints" / "4" / "state"
        checkpointer.save(place, old | {"moments": state.trainable}, force=True)
    with (
        Checkpoints(folder, CheckpointConfig()) as checkpoints,
        pytest.raises(InputError, match="saved by another version.* init_from"),
    ):
        checkpoints.restore(state)
    np.testing.assert_array_equal(load_run(folder)[1]["image.gain"], [101, 101, 101])


def test_the_last_few_and_the_best_are_kept(folder):
    with Checkpoints(folder, CheckpointConfig(keep_last=2, keep_best=1)) as checkpoints:
        for step, loss in enumerate([5.0, 1.0, 3.0, None, 4.0], start=1):
            metrics = None if loss is None else {"loss": loss}
            checkpoints.save(state_of(step), step, {}, metrics)
        assert checkpoints.best == (2, 1.0)
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["2", "4", "5"]
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        assert checkpoints.best == (2, 1.0)


def test_a_run_gives_the_averaged_weights_of_its_best_checkpoint(folder):
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(state_of(1.0), 10, {}, {"loss": 0.5, "psnr/50": 30.0})
        checkpoints.save(state_of(2.0), 20, {}, {"loss": 0.9})
    found, parameters, step, metrics = load_run(folder)
    assert found == config() and step == 10 and metrics == {"loss": 0.5, "psnr/50": 30.0}
    np.testing.assert_array_equal(parameters["image.gain"], [101, 101, 101])
    np.testing.assert_array_equal(parameters["interpolator.offset"], [7, 7])
    assert load_run(folder, best=False)[2] == 20


def test_a_half_written_checkpoint_is_ignored(folder):
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        checkpoints.save(state_of(1.0), 3, {})
    (folder / "checkpoints" / "6.orbax-checkpoint-tmp").mkdir()
    with Checkpoints(folder, CheckpointConfig()) as checkpoints:
        assert checkpoints.latest == 3


def test_a_run_without_checkpoints_is_named(folder):
    with pytest.raises(InputError, match="no checkpoint yet"):
        load_run(folder)
