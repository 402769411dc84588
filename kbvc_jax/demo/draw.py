"""The same frame side by side, as each codec shows it at about one rate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from kbvc_jax.evaluation.results import Point

CAPTION, GAP = 28, 6  # pixels


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
    own = sorted((p for p in points if p.codec == codec), key=lambda p: p.bytes)
    middle = own[len(own) // 2]

    def ratio(point: Point) -> float:
        return max(point.bytes, middle.bytes) / min(point.bytes, middle.bytes)

    others = dict.fromkeys(p.codec for p in points if p.codec != codec)
    return [middle] + [min((p for p in points if p.codec == o), key=ratio) for o in others]
