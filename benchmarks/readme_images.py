"""The pictures of the README: the demo's curves, and one frame at equal rate.

    python benchmarks/readme_images.py

Writes docs/images/rd.png and docs/images/side_by_side.jpg, smaller than `kbvc demo` does. Some
minutes on two cores.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

import kbvc_jax
from kbvc_jax.cli.demo import QUALITIES
from kbvc_jax.demo.run import run_demo
from kbvc_jax.runtime.exit import exit_status

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
