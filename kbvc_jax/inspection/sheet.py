"""Panels in columns, each below its caption and above its legend, under a title."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from kbvc_jax.inspection.draw import WIDTH, Drawn, draw, reach_of, write
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.panels import Panel

COLUMNS, GAP = 4, 16
TITLE, CAPTION = 16, 14  # heights of letters
EDGE = (200, 200, 200)


def draw_sheet(
    title: Sequence[str], parts: Sequence[Mapping[str, Panel]], size: Size
) -> UInt8[np.ndarray, "h w 3"]:
    """`title`: its lines; each part begins a row; `size`: of the frame."""
    reach = reach_of(panel for part in parts for panel in part.values())
    columns = min(COLUMNS, max(map(len, parts)))
    width = columns * (WIDTH + GAP) + GAP
    images = [_head(title, width)]
    for part in parts:
        drawn = [(caption, draw(panel, size, reach)) for caption, panel in part.items()]
        for first in range(0, len(drawn), columns):
            images.append(_row(drawn[first : first + columns], size, width))
    images.append(_blank(width, GAP))
    return np.concatenate([np.asarray(image) for image in images])


def _blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _head(title: Sequence[str], width: int) -> Image.Image:
    head = _blank(width, GAP + len(title) * (TITLE + 6))
    for number, line in enumerate(title):
        write(head, (GAP, GAP + number * (TITLE + 6)), line, TITLE)
    return head


def _row(captioned: Sequence[tuple[str, Drawn]], size: Size, width: int) -> Image.Image:
    """Pictures start at one height, and legends below each."""
    pictures = [_fitted(drawn.picture, size) for _, drawn in captioned]
    parts = [(image, drawn.legend) for image, (_, drawn) in zip(pictures, captioned, strict=True)]
    first = GAP + CAPTION + 6
    height = max(image.height + 4 + legend.height for image, legend in parts)
    row = _blank(width, first + height)
    for column, ((caption, _), (image, legend)) in enumerate(zip(captioned, parts, strict=True)):
        x = GAP + column * (WIDTH + GAP)
        write(row, (x, GAP), caption, CAPTION)
        # White motion on white paper would have no edge.
        row.paste(ImageOps.expand(image, 1, EDGE), (x - 1, first - 1))
        row.paste(legend, (x, first + image.height + 4))
    return row


def _fitted(picture: UInt8[np.ndarray, "h w 3"], size: Size) -> Image.Image:
    """As large as fits where a frame is drawn, which is as wide or as high as a panel."""
    box = WIDTH / max(size)
    height, width = picture.shape[:2]
    scale = min(box * size.height / height, box * size.width / width)
    target = max(1, round(scale * width)), max(1, round(scale * height))
    how = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    return Image.fromarray(picture).resize(target, how)
