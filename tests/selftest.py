"""What `kbvc selftest` decodes, made anew for other weights by

python -m tests.selftest
"""

import numpy as np
from PIL import Image

import kbvc_jax
from kbvc_jax.selftest import ASSETS, FRAMES, STREAM, SYMBOLS, decode, stream

CLIP = ASSETS.parent / "bunny.mp4"
COUNT, ROWS, COLUMNS = 5, slice(80, 144), slice(144, 240)


def regenerate() -> None:
    codec = kbvc_jax.load()
    with kbvc_jax.open_video(CLIP, frames=COUNT) as video:
        frames = np.stack([frame[ROWS, COLUMNS] for frame in video])
    ASSETS.mkdir(exist_ok=True)
    (ASSETS / STREAM).write_bytes(codec.encode(frames, 60, gop=4, keyint=4))
    symbols, decoded = decode(codec.inference, stream())
    Image.fromarray(np.concatenate(list(decoded), axis=1)).save(ASSETS / FRAMES, optimize=True)
    (ASSETS / SYMBOLS).write_text(symbols + "\n")


if __name__ == "__main__":
    regenerate()
