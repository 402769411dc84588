import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kbvc_jax.ops.synthesis import synthesise


def dense(references, vertical, horizontal):
    """Equation 1 as it is written, in float64."""
    (_, _, h, w, _), taps = references.shape, vertical.shape[-1]
    edge = (taps // 2, (taps - 1) // 2)
    padded = np.pad(references, ((0, 0), (0, 0), edge, edge, (0, 0)), mode="edge")
    out = np.zeros(references.shape)
    for i in range(taps):
        for j in range(taps):
            weight = vertical[..., i] * horizontal[..., j]
            out += weight[..., None] * padded[:, :, i : i + h, j : j + w]
    return out.sum(1)


def draw(batch, references, taps, size=(7, 9), channels=3, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(batch, references, *size, channels))
    kernels = rng.normal(size=(2, batch, references, *size, taps))
    return frames, *kernels


@pytest.mark.parametrize(("batch", "references", "taps"), [(1, 3, 5), (2, 2, 4), (1, 1, 1)])
def test_agrees_with_the_dense_sum_in_float64(batch, references, taps):
    arrays = draw(batch, references, taps)
    found = synthesise(*(jnp.asarray(a, jnp.float32) for a in arrays))
    np.testing.assert_allclose(found, dense(*arrays), atol=1e-4)


def test_bfloat16_sums_in_float32():
    arrays = [jnp.asarray(a, jnp.bfloat16) for a in draw(1, 3, 5)]
    found = synthesise(*arrays)
    assert found.dtype == jnp.bfloat16
    exact = dense(*(np.asarray(a, np.float64) for a in arrays))
    # One rounding at the end: half a unit of eight bits.
    np.testing.assert_allclose(np.asarray(found, np.float64), exact, rtol=2**-8, atol=1e-4)


def test_gradients_agree_with_central_differences():
    arrays, weight = draw(1, 2, 3), np.random.default_rng(9).normal(size=(1, 7, 9, 3))

    def value(*a):
        return (dense(*a) * weight).sum()

    found = jax.grad(lambda *a: (synthesise(*a) * weight).sum(), (0, 1, 2))(
        *(jnp.asarray(a, jnp.float32) for a in arrays)
    )
    rng, step = np.random.default_rng(1), 1e-4
    for which, gradient in enumerate(found):
        direction = rng.normal(size=gradient.shape)
        moved = [
            [a + sign * step * direction if k == which else a for k, a in enumerate(arrays)]
            for sign in (1, -1)
        ]
        numeric = (value(*moved[0]) - value(*moved[1])) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(numeric, rel=1e-3, abs=1e-2)


def test_a_delta_returns_the_reference():
    frames, _, _ = draw(1, 2, 5)
    delta = np.zeros((1, 2, 7, 9, 5))
    delta[:, 1, ..., 2] = 1
    found = synthesise(*(jnp.asarray(a, jnp.float32) for a in (frames, delta, delta)))
    np.testing.assert_allclose(found, frames[:, 1], atol=1e-6)


@pytest.mark.parametrize("gradient", [False, True])
def test_memory_grows_with_the_taps_not_with_their_square(gradient):
    def function(*a):
        return synthesise(*a)

    if gradient:

        def function(*a):
            return jax.grad(lambda *b: synthesise(*b).sum(), (0, 1, 2))(*a)

    def temporary(taps):
        shapes = [(1, 1, 32, 32, 3), (1, 1, 32, 32, taps), (1, 1, 32, 32, taps)]
        arrays = [jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes]
        compiled = jax.jit(function).lower(*arrays).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    # Taps squared would be nine times as much.
    assert temporary(9) < 5 * temporary(3)
