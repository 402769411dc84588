"""Sent motion: its modules, then frames coded by it in real streams."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tiny import SENDING, TINY, built, perturbed, tiny_inference, tiny_model

from kbvc_jax.api import Codec
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.motion import estimation
from kbvc_jax.models.codecs.motion.codec import MOTION, MOTION_Z
from kbvc_jax.models.codecs.motion.network import HAAR, MotionNetwork, spread
from kbvc_jax.models.codecs.walk import Read, Write, estimate, walk, walk_frame
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.ops.warp import warp
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.training.stages import build_stage
from tests.models.streams import check_stream, check_under_noise, pictures
from tests.training.stub import config, descended

RATE = Rate(jnp.array([40.0]), jnp.zeros(1, jnp.int32))
WORLD = np.kron(np.random.default_rng(2).random((40, 40, 3)), np.ones((4, 4, 1)))


def view(left: int, size: int = 96) -> jnp.ndarray:
    """Of a world that moves to the left."""
    return jnp.asarray(WORLD[None, 16 : 16 + size, 16 + left : 16 + left + size], jnp.float32)


def filmed(frame):
    return np.rint(255 * np.asarray(frame)).astype(np.uint8)


def ways(frame, *references):
    first, *others = (filmed(x)[0] for x in (frame, *references))
    return estimation.straight(first, others)


def inner(motion):
    return np.asarray(motion)[0, 3:-3, 3:-3]


@pytest.mark.parametrize("opencv", [True, False])
def test_motion_is_found_with_and_without_opencv(monkeypatch, opencv):
    if not opencv:
        monkeypatch.setattr(estimation, "_opencv", lambda: None)
    else:
        pytest.importorskip("cv2")
    found = estimation.observe(ways(view(0), view(5), view(-3)))
    assert found.shape == (1, 2, 12, 12, 2)
    for side, motion in enumerate([-5, 3]):
        assert np.abs(np.median(inner(found[:, side]), (0, 1)) - [motion, 0]).max() < 0.5
    alone = estimation.observe(ways(view(0), view(5)))
    np.testing.assert_array_equal(alone[:, 0], found[:, 0])
    np.testing.assert_array_equal(alone[:, 1], found[:, 0])


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (18, 10), (16, 48)])
def test_motion_over_many_frames_is_found_in_pictures_of_any_size(size):
    rng = np.random.default_rng(0)
    way = [estimation.Source(rng.integers(0, 256, (*size, 3)).astype(np.uint8)) for _ in range(9)]
    rows, columns = (-(-side // 16) * 2 for side in size)
    assert way[0].motion(way).shape == (rows, columns, 2)


def test_without_opencv_the_encoder_says_so(monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    estimation._opencv.cache_clear()
    assert estimation._opencv() is None
    assert "pip install 'kbvc-jax[encoder]'" in caplog.text
    estimation._opencv.cache_clear()


@pytest.mark.slow
def test_the_linear_path_alone_keeps_the_motion():
    np.testing.assert_allclose(HAAR @ HAAR.T, np.eye(4), atol=1e-9)
    network = built(SENDING).motion
    for branch in network.branches:
        for layer in (branch.tell, branch.show):
            layer.kernel[...], layer.bias[...] = 0 * layer.kernel[...], 0 * layer.bias[...]
    both = jnp.stack([view(-3), view(4)])
    rate = Rate(jnp.array([100.0]), jnp.zeros(1, jnp.int32))
    observed = estimation.observe(ways(view(0), *both))

    @jax.jit
    def there_and_back(motion):
        return network.synthesise(network.analyse(view(0), both, motion, rate), both, rate)

    moved = there_and_back(jnp.asarray(observed))
    for side, found, motion in zip(both, moved.sides, observed[0], strict=True):
        motion = jnp.asarray(motion)[None]
        np.testing.assert_allclose(found, warp(side, spread(motion)), atol=0.02)


def sides(size=(32, 48)):
    rng = np.random.default_rng(7)
    return [Decoded(jnp.asarray(rng.random((1, *size, 3)), jnp.float32), None) for _ in range(2)]


@pytest.mark.heavy
@pytest.mark.parametrize("segments", [1, 2, 4])
def test_what_is_written_segment_by_segment_is_read_again(segments):
    asked = dataclasses.replace(
        SENDING, motion=dataclasses.replace(SENDING.motion, segments=segments)
    )
    inference = tiny_inference(3, asked)
    network = Codec(inference)._network(8)
    codec = inference.model.codec("motion", Size(32, 48), network.weights.integers)
    frame = jnp.asarray(np.random.default_rng(1).random((1, 32, 48, 3)), jnp.float32)
    known = [side.frame for side in sides()]
    observed = codec.observe(ways(frame, *known), [filmed(side) for side in known])

    @jax.jit
    def both(frame, observed, sides):
        context = codec.context(sides, RATE)
        write = Write({}, (), network._prices, "nearest")
        written = walk_frame(codec, write, frame, observed, context, RATE).known
        return written, walk(codec, Read(write.symbols), context, RATE).known, write.exact

    written, read, exact = both(frame, jnp.asarray(observed), sides())
    for name in (MOTION_Z, MOTION, "z", "y"):
        np.testing.assert_allclose(read[name], written[name], atol=1e-4)
    # Each symbol is the nearest to what its own mean leaves.
    off = np.abs(np.asarray(written[MOTION] - exact[MOTION]))
    assert np.quantile(off, 0.99) <= 0.5 + 1e-4 or segments > 1


def test_a_later_segment_hears_of_both_directions_so_far():
    asked = dataclasses.replace(SENDING, motion=dataclasses.replace(SENDING.motion, segments=2))
    network = tiny_model(3, asked).motion
    z = jnp.zeros((1, 1, 1, SENDING.motion.hyper_channels[-1]))
    c = SENDING.motion.channels

    def means(told):
        return network.mean(z, 2, 3, lambda mean: told * jnp.ones_like(mean))

    change = np.abs(np.asarray(means(1.0) - means(0.0)))[0]
    first = (np.arange(2)[:, None] + np.arange(3)) % 2 == 0
    assert change[first][:, :c].max() == 0  # f0 hears of nothing
    assert change[first][:, c:].max() > 0  # b0 of f0
    assert change[~first].max() > 0


@pytest.mark.parametrize("weighted", [True, False])
def test_without_weights_the_blend_is_the_mean_of_both_sides(weighted):
    asked = dataclasses.replace(SENDING.motion, weighted=weighted)
    network = tiny_model(3, dataclasses.replace(SENDING, motion=asked)).motion
    latent = jnp.asarray(np.random.default_rng(4).normal(size=(1, 2, 3, 2 * asked.channels)))
    both = jnp.stack([side.frame for side in sides()])
    moved = nnx.jit(MotionNetwork.synthesise)(network, latent, both, RATE)
    assert bool((moved.share == 0.5).all()) is not weighted
    if not weighted:
        np.testing.assert_allclose(moved.blend, moved.sides.mean(0), atol=1e-6)


@pytest.fixture(scope="module")
def codec():
    return Codec(tiny_inference(3, SENDING))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("bits", "options"),
    [
        (8, {"gop": 4}),
        (10, {"gop": 3, "effort": 2}),
        pytest.param(8, {"gop": 8, "keyint": 16}, marks=pytest.mark.slow),
        pytest.param(10, {"gop": 8, "keyint": 16}, marks=pytest.mark.slow),
        pytest.param(8, {"gop": 3, "effort": 2}, marks=pytest.mark.slow),
        pytest.param(10, {"gop": 4}, marks=pytest.mark.slow),
    ],
)
def test_streams_decode_to_what_the_encoder_saw(codec, options, bits):
    check_stream(codec, "motion", bits, options)


@pytest.mark.heavy
def test_noise_on_all_that_is_float_changes_no_symbol(codec, monkeypatch):
    """Proof 4 of the specification."""
    check_under_noise(codec, "motion", monkeypatch)


def test_a_model_without_it_says_what_it_has():
    plain = Codec(tiny_inference(1, TINY))
    with pytest.raises(InputError, match="codec motion: this model has image, kernel, predicted"):
        plain.encode(pictures(3), 50, gop=2, b_frames="motion")


FRAMES = jnp.concatenate([view(-4, 64), view(0, 64), view(4, 64)])


def group_of(stage):
    frames, observed = stage.prepare(filmed(FRAMES)[None])
    return jnp.asarray(frames[0], jnp.float32) / 255, [jnp.asarray(part[0]) for part in observed]


@pytest.mark.slow
def test_the_motion_alone_is_trained_and_every_parameter_learns():
    model = perturbed(built(SENDING), 0.02)
    stage = build_stage(config(stage="motion", model=SENDING), model)
    assert {name.split(".")[0] for name in stage.trainable} == {"motion"}
    group = group_of(stage)
    gradient = jax.jit(
        jax.grad(lambda own: stage.loss(own | stage.frozen, group, jax.random.key(0), 1.0)[0])
    )(stage.trainable)
    dead = [name for name, value in gradient.items() if not np.abs(value).max() > 0]
    assert not dead


@pytest.mark.slow
def test_steps_lower_the_loss():
    stage = build_stage(config(stage="motion", model=SENDING), built(SENDING))
    assert descended(stage, group_of(stage), steps=15, pace=3e-2) < 0.95


@pytest.mark.heavy
def test_of_a_still_scene_the_frame_is_about_its_reference_at_first():
    ramp = jnp.broadcast_to(jnp.linspace(0.2, 0.8, 96)[:, None], (1, 96, 96, 3))
    rate = Rate(jnp.array([100.0]), jnp.zeros(1, jnp.int32))
    observed = jnp.zeros((1, 2, 12, 12, 2))

    @nnx.jit
    def found(model, frame):
        codec, side = model.codec("motion", Size(96, 96)), Decoded(frame, None)
        return estimate(codec, frame, [side] * 2, rate, observed=observed).decoded.frame

    shown = found(built(SENDING), ramp)
    assert np.abs(np.asarray(shown - ramp)).mean() < 0.01


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("stage", "trained"), [("residual", {"residual"}), ("joint", {"motion", "residual"})]
)
def test_a_stage_of_sent_motion_trains_its_own_part(stage, trained):
    asked = config(stage=stage, model=dataclasses.replace(SENDING, b_frames="motion"))
    part = build_stage(asked, built(SENDING)).trainable
    assert {name.split(".")[0] for name in part} == trained
