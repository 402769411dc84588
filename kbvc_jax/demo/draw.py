"""The same frame side by side, as each codec shows it at one rate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

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
