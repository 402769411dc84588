"""The same frame side by side, as each codec shows it at about one rate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from kbvc_jax.evaluation.results import Point

CAPTION, GAP = 28, 6  # pixels
COLUMNS = 2


def draw_side_by_side(
    captioned: Sequence[tuple[str, UInt8[np.ndarray, "h w 3"]]], path: Path
) -> None:
    """Pictures in two columns, each over its caption."""
    height, width = captioned[0][1].shape[:2]
    rows = -(-len(captioned) // COLUMNS)
    size = COLUMNS * (width + GAP) - GAP, rows * (height + CAPTION)
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for number, (caption, picture) in enumerate(captioned):
        row, column = divmod(number, COLUMNS)
        x, y = column * (width + GAP), row * (height + CAPTION)
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x + 4, y + height + 5), caption, fill="black", font=font)
    sheet.save(path)


def matched(points: Sequence[Point], codec: str) -> list[Point]:
    """The codec's middle point, and of every other codec the one nearest in rate."""
    own = sorted((p for p in points if p.codec == codec), key=lambda p: p.bytes)
    middle = own[len(own) // 2]

    def ratio(point: Point) -> float:
        return max(point.bytes, middle.bytes) / min(point.bytes, middle.bytes)

    others = dict.fromkeys(p.codec for p in points if p.codec != codec)
    return [middle] + [min((p for p in points if p.codec == o), key=ratio) for o in others]
