"""What both branches of sent motion tell each other."""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from tiny import perturbed

from kbvc_jax.models.codecs.motion.interaction import Interaction


def interaction(seed: int = 0) -> Interaction:
    return Interaction(6, jnp.float32, nnx.Rngs(seed))


def features(seed: int) -> jnp.ndarray:
    return jnp.asarray(np.random.default_rng(seed).normal(size=(2, 3, 4, 6)), jnp.float32)


def test_the_interaction_is_the_identity_at_first():
    both = features(0), features(1)
    for ours, theirs in zip(interaction()(*both), both, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_interaction_is_what_its_equations_say():
    module, (forward, backward) = perturbed(interaction()), (features(0), features(1))
    found = module(forward, backward)

    def softmax(x, axis):
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    def parts(x, layer):
        flat = np.asarray(x, np.float64).reshape(2, 12, 6)
        out = flat @ np.asarray(layer.kernel[...], np.float64)[0, 0] + layer.bias[...]
        return np.split(out, 3, -1)

    (q, _, _), (_, k, v) = (
        parts(x, layer) for x, layer in zip((forward, backward), module.projections, strict=True)
    )
    told = softmax(k, 1).transpose(0, 2, 1) @ v
    asked = softmax(q, 2) @ told
    gate = module.gates[0]
    share = softmax(q @ np.asarray(gate.kernel[...], np.float64)[0, 0] + gate.bias[...], 2)
    wanted = np.asarray(forward).reshape(2, 12, 6) + 6 * share * asked
    np.testing.assert_allclose(found[0].reshape(2, 12, 6), wanted, rtol=2e-4, atol=2e-4)


def test_the_interaction_treats_both_directions_alike():
    module = perturbed(interaction())
    swapped = perturbed(interaction())
    for name in ("projections", "gates"):
        pair = getattr(module, name)
        setattr(swapped, name, nnx.List([pair[1], pair[0]]))
    a, b = features(0), features(1)
    np.testing.assert_allclose(module(a, b), swapped(b, a)[::-1], rtol=1e-5, atol=1e-5)
