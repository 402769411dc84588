"""Numbers to colours."""

import numpy as np
from jaxtyping import Float, Integer, UInt8

# From nothing to most: black, violet, red, yellow, nearly white; ever lighter, in even steps.
HEAT = np.array(
    [(0, 0, 4), (59, 15, 112), (140, 41, 129), (222, 73, 104), (254, 159, 109), (252, 253, 191)]
)
# Below nothing, nothing, above.
SIGNED = np.array([(33, 102, 172), (247, 247, 247), (178, 24, 43)])
# One a predictor, in order, each from dark to light; what comes first stands apart.
PLAIN = np.array([(40, 40, 40)])
FAMILIES = np.array(
    [
        [(23, 78, 142), (74, 144, 217), (168, 208, 245)],
        [(21, 110, 62), (66, 176, 104), (170, 224, 182)],
        [(168, 84, 14), (240, 150, 52), (252, 212, 156)],
        [(104, 36, 128), (168, 92, 196), (218, 180, 232)],
    ]
)
CHOICES = np.concatenate([PLAIN, FAMILIES.reshape(-1, 3)]).astype(np.uint8)


def heat(values: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s 3"]:
    """0 to 1."""
    return _between(HEAT, values)


def signed(values: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s 3"]:
    """-1 to 1."""
    return _between(SIGNED, (values + 1) / 2)


def flow(vectors: Float[np.ndarray, "*s 2"]) -> UInt8[np.ndarray, "*s 3"]:
    """Hue is direction: right red, up green, left cyan, down violet. What is still is white, and a
    length of 1 or more has all its colour."""
    x, y = vectors[..., 0], vectors[..., 1]
    hue = np.arctan2(-y, x) / (2 * np.pi)
    saturation = np.minimum(np.hypot(x, y), 1)[..., None]
    wave = np.abs((hue[..., None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    full = np.clip(wave, 0, 1)
    return _byte(1 - saturation * (1 - full))


def choice(numbers: Integer[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s 3"]:
    return CHOICES[numbers % len(CHOICES)]


def _between(anchors: np.ndarray, values: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s 3"]:
    at = np.linspace(0, 1, len(anchors))
    return _byte(np.stack([np.interp(values, at, channel / 255) for channel in anchors.T], -1))


def _byte(samples: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s"]:
    return np.rint(255 * np.clip(samples, 0, 1)).astype(np.uint8)
