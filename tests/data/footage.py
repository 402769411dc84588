"""What the tests of the data are made of."""

from pathlib import Path

import numpy as np
from PIL import Image

import kbvc_jax

BUNNY = Path(kbvc_jax.__file__).parent / "assets" / "bunny.mp4"  # 33 frames, 416x240


def texture(seed: int, height: int = 48, width: int = 64, cell: int = 8) -> np.ndarray:
    """Smooth enough to survive JPEG."""
    size = (height // cell, width // cell, 3)
    noise = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))
