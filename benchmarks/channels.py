"""How much of a picture so many channels can hold: the PSNR of the transform that training
starts from (kbvc_jax/training/starting_point.py), without a quantiser.

    python benchmarks/channels.py FOLDER 32,32,32,96 32,64,96,128 32,64,128,192 32,64,128,256

Each group: N at 1/2, 1/4 and 1/8 of the frame, then M at 1/16, as in CodecConfig. What they cannot
hold, no training will show.
"""

import argparse
from pathlib import Path

import numpy as np

from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.training.starting_point import PICTURE, karhunen_loeve
from kbvc_jax.video.reader import open_video


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of video files")
    parser.add_argument("widths", nargs="+", metavar="N,N,N,M")
    parser.add_argument("--every", type=int, default=20, help="frames from one sample to the next")
    arguments = parser.parse_args()
    pictures = list(samples(arguments.folder, arguments.every))
    for text in arguments.widths:
        *hidden, latent = map(int, text.split(","))
        kept = [psnr(shown(p, hidden, latent), p, 1) for p in pictures]
        print(f"N {hidden}, M {latent}: {np.mean(kept):.2f} dB over {len(kept)} pictures")


def samples(folder: Path, every: int):
    """Every so many frames of each video, cut to whole blocks."""
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        with open_video(path) as video:
            for number, frame in enumerate(video):
                if number % every == 0:
                    height, width = (size // 16 * 16 for size in frame.shape[:2])
                    yield np.asarray(frame[:height, :width], np.float64) / 255


def shown(picture: np.ndarray, hidden: list[int], latent: int) -> np.ndarray:
    """The picture from its coefficients."""
    # One channel of each hidden layer is a constant: see starting_point.py.
    steps = karhunen_loeve((*(n - 1 for n in hidden), latent), *PICTURE)
    x = picture - 0.5
    for step in steps:
        h, w, c = x.shape
        x = np.einsum("yqxpc,oqpc->yxo", x.reshape(h // 2, 2, w // 2, 2, c), step.matrix)
    for step in reversed(steps):
        h, w, _ = x.shape
        x = np.einsum("yxo,oqpc->yqxpc", x, step.matrix).reshape(2 * h, 2 * w, -1)
    return np.clip(x, -0.5, 0.5) + 0.5


if __name__ == "__main__":
    main()
