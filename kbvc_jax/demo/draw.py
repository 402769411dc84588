"""The demo's two pictures: rate-distortion curves, and the same frame side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from kbvc_jax.demo.points import Point

Frame = UInt8[np.ndarray, "h w 3"]
CAPTION, GAP = 28, 6  # pixels
COLOURS = {"kbvc": "#c2410c", "x264": "#2563eb", "x265": "#15803d"}


def draw_curves(points: Sequence[Point], title: str, path: Path) -> None:
    """PSNR over bits a pixel, a line a codec."""
    from matplotlib.figure import Figure  # no pyplot: no window system, no global state

    axes = (figure := Figure(figsize=(7, 5), layout="constrained")).add_subplot()
    for codec in dict.fromkeys(point.codec for point in points):
        curve = sorted(point.rate_distortion for point in points if point.codec == codec)
        axes.plot(*zip(*curve, strict=True), "o-", label=codec, color=COLOURS.get(codec))
    axes.set(title=title, xlabel="bits a pixel", ylabel="RGB PSNR, dB", xscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path, dpi=150)


def draw_side_by_side(source: Frame, points: Sequence[Point], path: Path) -> None:
    """The source and each point's picture of it, with their rates below."""
    captions = ["source"] + [
        f"{p.codec} {p.setting}: {p.bits_per_pixel:.3f} bits a pixel, {p.psnr:.2f} dB"
        for p in points
    ]
    pictures = [source, *(p.picture for p in points)]
    height, width = source.shape[:2]
    sheet = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + CAPTION), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = column * (width + GAP)
        sheet.paste(Image.fromarray(picture), (x, 0))
        pen.text((x + 4, height + 5), caption, fill="black", font=font)
    sheet.save(path)


def matched(points: Sequence[Point], reference: str = "kbvc") -> list[Point]:
    """The reference's middle point, and of every other codec the one nearest in rate."""
    curves: dict[str, list[Point]] = {}
    for point in points:
        curves.setdefault(point.codec, []).append(point)
    middle = sorted(curves[reference], key=lambda p: p.bytes)[len(curves[reference]) // 2]
    others = [curve for codec, curve in curves.items() if codec != reference]
    return [middle] + [min(c, key=lambda p: abs(np.log(p.bytes / middle.bytes))) for c in others]
