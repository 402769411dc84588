"""The search for what motion of cells costs least."""

import numpy as np
import pytest

from kbvc_jax.coding.vectors import bits_of_each_vector
from kbvc_jax.models.codecs.motion import estimation
from kbvc_jax.models.codecs.motion.estimation import straight
from kbvc_jax.models.codecs.motion.search import HALVES, search


def view(x: float, y: float = 0.0, seed: int = 0) -> np.ndarray:
    """Of a smooth noise, moved by so much, as 64x96 frames."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(24, 4))
    rows, columns = np.mgrid[:64, :96].astype(float)
    phases = [a * (columns - x) / 5 + b * (rows - y) / 5 + 6 * c for a, b, c, _ in waves]
    grey = sum(w[3] * np.sin(p) for w, p in zip(waves, phases, strict=True))
    return np.clip(128 + 12 * grey, 0, 255).astype(np.uint8)[..., None].repeat(3, -1)


def found(frame, *references, worth=1.0):
    ways = straight(frame, references)
    return search(ways, [reference[None] for reference in references], worth, 25.0)[0]


def inner(motion):
    """But for the border, beyond which nothing is known."""
    return motion[1:-1, 2:-2]


@pytest.mark.parametrize("opencv", [True, False])
def test_a_shift_is_found_and_told_as_one(opencv, monkeypatch):
    if not opencv:
        monkeypatch.setattr(estimation, "_opencv", lambda: None)
    motion = found(view(0), view(3, -2))
    assert (inner(motion) == (6, -4)).all()  # in half pixels
    assert bits_of_each_vector(motion[None].astype(np.int64)).sum() < 200


def test_half_pixels_are_looked_for_where_errors_are_worth_it():
    assert (inner(found(view(0), view(1.5))) == (3, 0)).mean() > 0.9
    coarse = found(view(0), view(1.5), worth=HALVES / 2)
    assert not (coarse % 2).any()


def test_motion_to_the_other_side_is_told_by_what_its_mirror_image_lacks():
    motion = found(view(0), view(3), view(-3))
    assert (inner(motion[..., :2]) == (6, 0)).mean() > 0.9
    assert (inner(motion[..., 2:]) == 0).mean() > 0.9


def test_the_less_errors_are_worth_the_less_is_told():
    rng = np.random.default_rng(1)
    frame, reference = view(0), view(2)
    reference[16:48, 24:72] = view(-4, 3, seed=2)[16:48, 24:72]
    frame[16:48, 24:72] = view(0, 0, seed=2)[16:48, 24:72]
    noisy = np.clip(reference + rng.normal(0, 6, reference.shape), 0, 255).astype(np.uint8)

    def bits(worth):
        motion = found(frame, noisy, worth=worth)
        return bits_of_each_vector(motion[None].astype(np.int64)).sum()

    prices = [bits(worth) for worth in (1.0, 1 / 300, 1 / 3000, 1e-9)]
    assert prices == sorted(prices, reverse=True)
    nothing = bits_of_each_vector(np.zeros((1, 8, 12, 2), np.int64)).sum()
    assert prices[-1] == nothing < prices[0] / 4


def test_an_object_moves_by_itself():
    frame, reference = view(0), view(0)
    frame[16:48, 24:72], reference[16:48, 32:80] = (view(0, 0, seed=2)[16:48, 24:72],) * 2
    motion = found(frame, reference)
    assert (motion[3:5, 4:8] == (16, 0)).all() and not motion[:1].any()
