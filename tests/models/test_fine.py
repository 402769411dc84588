"""The second paper's network: its sizes, its modules, then frames coded by it in real streams."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tiny import FINE, tiny_inference, tiny_model

from kbvc_jax.api import Codec
from kbvc_jax.models.codecs.contract import Decoded, Size
from kbvc_jax.models.codecs.image import Memory as ImageMemory
from kbvc_jax.models.codecs.motion.fine.alignment import GROUPS, gathered
from kbvc_jax.models.codecs.motion.fine.codec import FineCodec
from kbvc_jax.models.codecs.motion.fine.contexts import Fused
from kbvc_jax.models.codecs.motion.fine.frame_coder import Decoder
from kbvc_jax.models.codecs.motion.segments import parts
from kbvc_jax.models.codecs.walk import Read, Write, estimate, walk, walk_frame
from kbvc_jax.models.config import FineConfig, ModelConfig
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc
from tests.models.streams import check_stream, check_under_noise

RATE = Rate(jnp.array([40.0]), jnp.ones(1, jnp.int32), jnp.array([[2, 1]]))
SIZE = 32, 48


def count(*parts) -> int:
    return sum(math.prod(x.shape) for x in jax.tree.leaves(nnx.state(list(parts), nnx.Param)))


def test_every_part_has_the_parameters_of_its_layers():
    """Layer by layer, from the widths of the published description."""
    model = nnx.eval_shape(lambda: Kbvc(ModelConfig(fine=FineConfig())))
    motion, frame, contexts = model.fine_motion, model.fine, model.fine.contexts
    steps = [branch.step for branch in (*motion.encoders, *motion.decoders)]
    meetings = list(motion.interactions)
    assert count(model.flow) == 1_200_250
    assert count(model.interpolator) == 2_803_610
    assert [count(one) for one in meetings] == [35_840] * 4
    assert count(motion.encoders, meetings[:2]) - count(steps[:2]) == 799_028
    assert count(motion.decoders, meetings[2:], motion.features) - count(steps[2:]) == 706_512
    assert count(motion.hyperprior.encoder, motion.hyperprior.bottleneck) == 151_360
    assert count(motion.hyperprior.mean_decoder, motion.of_predicted, motion.told) == 799_184
    assert count(motion.steps) == 479_808
    assert count(motion.hyperprior.scale_decoder) < 250_000
    # Of six levels of references the hierarchy of this project has three.
    assert count(contexts.features) == 372_768 - 3 * 2 * 48
    assert count(contexts.across) == 756_592
    assert count(contexts.selections) == 509_280
    assert count(contexts.blend) == 1_732
    assert count(frame.encoder) == 682_432
    assert count(frame.decoder) == 412_000 + 384_076
    assert count(frame.hyperprior.encoder, frame.hyperprior.bottleneck) == 597_632
    assert count(frame.hyperprior.mean_decoder, frame.of_context) == 685_568
    assert count(frame.alignments, frame.gather, frame.told) == 1_010_456
    assert count(frame.steps) == 768_512
    assert count(frame.hyperprior.scale_decoder) < 600_000
    # Of five levels of frames three.
    assert count(steps, frame.step, frame.inverse_step) == 752 - 6 * 2 * 8


@pytest.mark.parametrize("segments", [1, 2, 4])
@pytest.mark.parametrize("mixed", [False, True])
def test_segments_part_every_position_evenly(segments, mixed):
    own = np.asarray(parts(4, 8, 8, segments, mixed=mixed))
    assert np.bincount(own.ravel()).tolist() == [4 * 8 * 8 // segments] * segments
    if mixed and segments > 1:
        assert all(len(set(place)) == segments for place in own.reshape(-1, 8).tolist())


def test_gathering_is_the_weighted_sum_that_it_says():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(1, 6, 7, 2 * GROUPS)).astype(np.float32)
    weights = rng.normal(size=(1, 6, 7, GROUPS, 25)).astype(np.float32)
    found = np.asarray(gathered(jnp.asarray(weights), jnp.asarray(source)))
    padded = np.pad(source, ((0, 0), (2, 2), (2, 2), (0, 0))).astype(np.float64)
    for y, x in itertools.product(range(6), range(7)):
        around = padded[0, y : y + 5, x : x + 5].reshape(25, GROUPS, 2)
        wanted = np.einsum("gp,pgc->gc", weights[0, y, x], around).ravel()
        np.testing.assert_allclose(found[0, y, x], wanted, atol=1e-5)


def image_memory(model: Kbvc, rng) -> ImageMemory:
    z, y = (latent.shape for latent in model.codec("image", Size(*SIZE)).latents)
    latent = jnp.asarray(rng.normal(size=(1, *y)), jnp.float32)
    return ImageMemory(latent, jnp.asarray(rng.integers(-2, 3, (1, *z))))


def own_memory(model: Kbvc, rng):
    blank = FineCodec.recalled(None, model.config, Size(*SIZE))
    full = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), blank)
    return full._replace(feature=jnp.rint(8 * full.feature), level=jnp.array([2]))


def reference(model: Kbvc, kind: str, seed: int) -> Decoded:
    rng = np.random.default_rng(seed)
    smooth = np.kron(rng.random((1, 4, 6, 3)), np.ones((1, 8, 8, 1)))
    memory = own_memory(model, rng) if kind == "B" else image_memory(model, rng)
    recalled = FineCodec.recalled(memory, model.config, Size(*SIZE))
    return Decoded(jnp.asarray(smooth, jnp.float32), recalled)


@pytest.mark.heavy
def test_before_it_has_learnt_it_shows_the_blend():
    channels, latent = FINE.fine.context_channels, FINE.fine.latent_channels
    decoder = Decoder(channels, latent, jnp.float32, nnx.Rngs(0))
    assert not decoder.last.kernel[...].any() and not decoder.last.bias[...].any()
    rng = np.random.default_rng(2)
    draw = lambda *shape: jnp.asarray(rng.random((1, *shape)), jnp.float32)  # noqa: E731
    contexts = [draw(32 >> s, 48 >> s, c) for s, c in enumerate(channels, start=1)]
    blend = draw(*SIZE, 3)
    fused = Fused(contexts, blend, draw(*SIZE, 1), (blend, blend))
    np.testing.assert_array_equal(decoder(draw(2, 3, latent), fused).frame, blend)


@pytest.fixture(scope="module")
def gradient():
    """Of a loss of all that a frame leaves, by parameter, whatever its references are."""
    model = tiny_model(5, FINE)
    graph, state = nnx.split(model)
    state = jax.tree.map(lambda x: 0.4 * x, state)  # nothing is moved out of the picture
    for network in ("fine", "fine_motion"):  # and z has something to tell
        bias = state[network]["hyperprior"]["encoder"]["layers"][2]["bias"]
        bias[...] = bias[...] + 2
    frame = reference(model, "I", 9).frame

    @jax.jit
    @jax.grad
    def of_loss(state, sides):
        codec = nnx.merge(graph, state).codec("fine", Size(*SIZE))
        (shown, memory), _, bits = estimate(codec, frame, sides, RATE, jax.random.key(0))
        left = sum(jnp.sin(part).sum() for part in memory[:-1])
        return jnp.mean((shown - frame) ** 2) * 1e4 + sum(own.sum() for own in bits.values()) + left

    def of(kinds):
        sides = [reference(model, kind, seed) for seed, kind in enumerate(kinds)]
        leaves, _ = jax.tree_util.tree_flatten_with_path(of_loss(state, sides))
        return {".".join(str(k.key) for k in path[:-1]): leaf for path, leaf in leaves}

    return of


@pytest.mark.slow
@pytest.mark.parametrize("kinds", ["II", "IB", "BI", "BB"])
def test_every_parameter_learns_whatever_the_references_are(gradient, kinds):
    own = ("flow", "fine", "fine_motion")
    dead = {
        name
        for name, value in gradient(kinds).items()
        if name.split(".")[0] in own and not np.abs(value).max() > 0
    }
    # Of references of other codecs the picture counts and no memory; of its own the features.
    unseen = {"II": ["contexts.features.of_feature"], "BB": ["contexts.features.of_frame"]}
    absent = [
        layer
        for side, kind in enumerate(kinds, start=1)
        if kind == "I"
        for layer in (f"alignments.{side}.first", f"alignments.{side}.last")
    ]
    layers = [*unseen.get(kinds, []), *absent]
    assert dead == {f"fine.{layer}.{part}" for layer in layers for part in ("kernel", "bias")}


@pytest.fixture(scope="module")
def codec():
    inference = tiny_inference(3, FINE)
    model = inference.model  # of random weights all would be black or white
    for last in (
        model.image.decoder.layers[-1],
        model.image.block_decoder,
        model.fine.decoder.last,
    ):
        last.kernel[...], last.bias[...] = 0.02 * last.kernel[...], 0.02 * last.bias[...]
    return Codec(inference)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("bits", "options"), [(8, {"gop": 8, "keyint": 16}), (10, {"gop": 3, "keyint": 32})]
)
def test_streams_decode_to_what_the_encoder_saw(codec, bits, options):
    check_stream(codec, "fine", bits, options)


@pytest.mark.heavy
def test_noise_on_all_that_is_float_changes_no_symbol(codec, monkeypatch):
    """Proof 4 of the specification."""
    check_under_noise(codec, "fine", monkeypatch)


ABLATIONS = [
    {"interaction": False, "segments": 1, "alignment": False, "predictor": False},
    {"selection": "independent", "segments": 2},
    {"selection": "half"},
    {"selection": "joined"},
]


@pytest.mark.slow
@pytest.mark.parametrize("changes", ABLATIONS, ids=lambda own: "-".join(map(str, own.values())))
def test_what_an_ablation_writes_is_read_again(changes):
    asked = dataclasses.replace(FINE, fine=dataclasses.replace(FINE.fine, **changes))
    inference = tiny_inference(3, asked)
    network = Codec(inference)._network(8)
    codec = inference.model.codec("fine", Size(*SIZE), network.weights.integers)

    @jax.jit
    def both(frame, sides):
        memories = [side.memory for side in sides]
        context = codec.context(sides, RATE)
        write = Write({}, memories, network._prices, "nearest")
        written = walk_frame(codec, write, frame, None, context, RATE).known
        return written, walk(codec, Read(write.symbols), context, RATE).known, write.exact

    sides = [reference(inference.model, kind, seed) for seed, kind in enumerate("IB")]
    written, read, exact = both(reference(inference.model, "I", 7).frame, sides)
    for name, own in written.items():
        np.testing.assert_allclose(read[name], own, atol=1e-3)
        assert np.isfinite(exact[name]).all()
