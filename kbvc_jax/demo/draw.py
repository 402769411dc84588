"""The demo's two pictures: rate-distortion curves, and the same frame side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from kbvc_jax.evaluation.results import Point, curve

CAPTION, GAP = 28, 6  # pixels


def draw_curves(points: Sequence[Point], title: str, path: Path) -> None:
    """PSNR over bits a pixel, a line a codec."""
    from matplotlib.figure import Figure  # no pyplot: no window system, no global state

    axes = (figure := Figure(figsize=(7, 5), layout="constrained")).add_subplot()
    for codec, its in _by_codec(points).items():
        axes.plot(*zip(*curve(its), strict=True), "o-", label=codec)
    axes.set(title=title, xlabel="bits a pixel", ylabel="RGB PSNR, dB", xscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path, dpi=150)


def draw_side_by_side(
    captioned: Sequence[tuple[str, UInt8[np.ndarray, "h w 3"]]], path: Path
) -> None:
    """Pictures from left to right, each over its caption."""
    height, width = captioned[0][1].shape[:2]
    sheet = Image.new("RGB", (len(captioned) * (width + GAP) - GAP, height + CAPTION), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for column, (caption, picture) in enumerate(captioned):
        x = column * (width + GAP)
        sheet.paste(Image.fromarray(picture), (x, 0))
        pen.text((x + 4, height + 5), caption, fill="black", font=font)
    sheet.save(path)


def matched(points: Sequence[Point], codec: str) -> list[Point]:
    """The codec's middle point, and of every other codec the one nearest in rate."""
    curves = _by_codec(points)
    own = curves.pop(codec)
    middle = own[len(own) // 2]
    return [middle] + [min(c, key=lambda p: _ratio(p, middle)) for c in curves.values()]


def _by_codec(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Each codec's points by rising rate."""
    codecs = dict.fromkeys(point.codec for point in points)
    rising = sorted(points, key=lambda p: p.bytes)
    return {codec: [p for p in rising if p.codec == codec] for codec in codecs}


def _ratio(a: Point, b: Point) -> float:
    return max(a.bytes, b.bytes) / min(a.bytes, b.bytes)
