"""The pictures of the README: the demo's curves, and one frame at nearly equal rate.

    python benchmarks/readme_images.py

Writes docs/images/rd.png and docs/images/side_by_side.jpg, from `kbvc demo`'s own with more points
of x264 and x265. Some minutes on two cores.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import kbvc_jax
from kbvc_jax.cli.demo import QUALITIES
from kbvc_jax.demo.run import run_demo
from kbvc_jax.evaluation.config import AnchorConfig
from kbvc_jax.runtime.exit import exit_status

ANCHORS = AnchorConfig(codecs=("x264", "x265"), quantisers=tuple(np.arange(20, 47.6, 2.5).tolist()))
COLOURS, JPEG_QUALITY = 64, 88


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="%(default)s")
    parser.add_argument("--checkpoint", help="default: the weights that ship")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = run_demo(
            kbvc_jax.load(arguments.checkpoint),
            Path(folder),
            qualities=QUALITIES,
            frames=None,
            overwrite=True,
            say=lambda line: print(line, file=sys.stderr),
            anchor_config=ANCHORS,
        )
        arguments.out.mkdir(parents=True, exist_ok=True)
        curves = Image.open(Path(folder) / "rd.png").convert("RGB").quantize(COLOURS)
        curves.save(arguments.out / "rd.png", optimize=True)
        frames = Image.open(Path(folder) / "side_by_side.png").convert("RGB")
        frames.save(arguments.out / "side_by_side.jpg", quality=JPEG_QUALITY, optimize=True)
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(run, "readme_images.py"))
