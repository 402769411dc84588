"""A panel as a picture of the frame's size, with a legend that says what its colours are."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from kbvc_jax.inspection import colours
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.panels import (
    Bits,
    Choice,
    Difference,
    Flow,
    Image,
    Kernels,
    Panel,
    Share,
)

WIDTH = 380  # of a panel
LINE, SMALL = 18, 12  # of a legend: its height and that of its letters
INK, PALE = (30, 30, 30), (110, 110, 110)
WHEEL = 40  # across
HEAT = colours.heat(np.linspace(0, 1, WIDTH // 3))
SIGNED = colours.signed(np.linspace(-1, 1, WIDTH // 3))
TAP = 8  # pixels of a kernel's tap, each way
GAINS = (16, 8, 4, 2, 1)  # of differences: the first at which few samples leave the range
FEW = 0.01
LEAST = 0.5  # pixels of motion that have all of their colour, if there is hardly any
TINY = 1e-9  # instead of a range of 0


class Drawn(NamedTuple):
    picture: UInt8[np.ndarray, "h w 3"]
    legend: Pillow.Image  # as wide as a panel


def draw(panel: Panel, size: Size, reach: float) -> Drawn:
    """`reach`: how many pixels of motion have all of their colour."""
    array = _finite(panel)
    match panel:
        case Image():
            return Drawn(_grid(_byte(array), size), _blank(0))
        case Difference():
            gain = _gain(array)
            legend = _line(f"grey: none; drawn {gain} times as large" if gain > 1 else "grey: none")
            return Drawn(_grid(_byte(0.5 + gain * array), size), legend)
        case Flow():
            return Drawn(_grid(colours.flow(array / reach), size), _wheel(reach, _lengths(array)))
        case Share():
            return Drawn(_grid(colours.heat(array), size), _bar("0", "1"))
        case Bits():
            most = max(float(array.max()), TINY)
            legend = _bar("0", f"{_short(most)} bits")
            return Drawn(_grid(colours.heat(array / most), size), legend)
        case Choice(_, names):
            shares = np.bincount(array.ravel(), minlength=len(names)) / array.size
            used = [n for n in range(len(names)) if shares[n]]
            words = [f"{names[n]} {_per_cent(shares[n])}" for n in used]
            legend = _swatches(colours.choice(np.array(used)), words)
            return Drawn(_grid(colours.choice(array), size), legend)
        case Kernels():
            most = max(float(np.abs(array).max()), TINY)
            legend = _bar(_short(-most), _short(most), SIGNED)
            return Drawn(_tiles(colours.signed(array / most)), legend)


def reach_of(panels: Iterable[Panel]) -> float:
    """One for all motion of a sheet: a round number, no less than nearly all of it."""
    flows = [_lengths(_finite(panel)) for panel in panels if isinstance(panel, Flow)]
    longest = max([LEAST, *(float(np.quantile(own, 1 - FEW)) for own in flows)])
    power = 10.0 ** np.floor(np.log10(longest))
    return next(float(power * step) for step in (1, 2, 5, 10) if power * step >= longest)


def _finite(panel: Panel) -> Shaped[np.ndarray, "..."]:
    """A run that diverges is drawn as well."""
    return np.nan_to_num(panel[0], posinf=0, neginf=0)


def _lengths(vectors: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s"]:
    return np.hypot(vectors[..., 0], vectors[..., 1])


def _grid(picture: Shaped[np.ndarray, "rows columns 3"], size: Size) -> UInt8[np.ndarray, "h w 3"]:
    """Each position as its cell: the smallest, of a power of two pixels, that cover the frame."""
    cell = 1
    while cell * picture.shape[0] < size.height or cell * picture.shape[1] < size.width:
        cell *= 2
    return picture.repeat(cell, 0).repeat(cell, 1)[: size.height, : size.width]


def _tiles(pictures: UInt8[np.ndarray, "rows columns k k 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """With a line between them."""
    large = pictures.repeat(TAP, 2).repeat(TAP, 3)
    apart = np.pad(large, ((0, 0), (0, 0), (0, 2), (0, 2), (0, 0)), constant_values=160)
    rows, columns, height, width = apart.shape[:4]
    sheet = np.moveaxis(apart, 2, 1).reshape(rows * height, columns * width, 3)
    return sheet[:-2, :-2]


def _gain(samples: Float[np.ndarray, "h w 3"]) -> int:
    return next((g for g in GAINS if (np.abs(samples) * g > 0.5).mean() <= FEW), GAINS[-1])


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.2g}"


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= FEW else "< 1 %"


def _byte(samples: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s"]:
    return np.rint(255 * np.clip(samples, 0, 1)).astype(np.uint8)


def _blank(height: int) -> Pillow.Image:
    return Pillow.new("RGB", (WIDTH, height), "white")


def _line(text: str) -> Pillow.Image:
    legend = _blank(LINE)
    write(legend, (0, 1), text, SMALL, PALE)
    return legend


def write(
    image: Pillow.Image,
    place: tuple[float, float],
    text: str,
    height: int,
    colour: tuple[int, int, int] = INK,
) -> float:
    """The column behind the text."""
    font = ImageFont.load_default(size=height)
    ImageDraw.Draw(image).text(place, text, fill=colour, font=font)
    return place[0] + font.getlength(text)


def _bar(low: str, high: str, ramp: UInt8[np.ndarray, "n 3"] = HEAT) -> Pillow.Image:
    legend, length = _blank(LINE), len(ramp)
    x = int(write(legend, (0, 1), low, SMALL, PALE)) + 6
    strip = Pillow.fromarray(np.tile(ramp, (LINE - 8, 1, 1)))
    legend.paste(strip, (x, 4))
    write(legend, (x + length + 6, 1), high, SMALL, PALE)
    return legend


def _wheel(reach: float, lengths: Float[np.ndarray, "h w"]) -> Pillow.Image:
    legend = _blank(WHEEL + 2)
    x, y = np.meshgrid(*[(np.arange(WHEEL) + 0.5) * 2 / WHEEL - 1] * 2)
    inside = np.hypot(x, y) <= 1
    wheel = np.where(inside[..., None], colours.flow(np.stack([x, y], -1)), np.uint8(255))
    legend.paste(Pillow.fromarray(wheel), (0, 1))
    write(legend, (WHEEL + 8, 5), "white: none", SMALL, PALE)
    text = f"rim: {reach:g} pixels; longest {_short(float(lengths.max()))}"
    write(legend, (WHEEL + 8, 22), text, SMALL, PALE)
    return legend


def _swatches(kinds: UInt8[np.ndarray, "n 3"], words: Sequence[str]) -> Pillow.Image:
    """As many in a line as fit."""
    font, side, space = ImageFont.load_default(size=SMALL), SMALL, 14
    places, x, y = [], 0.0, 0
    for text in words:
        length = side + 4 + font.getlength(text)
        if x and x + length > WIDTH:
            x, y = 0.0, y + LINE
        places.append((x, y))
        x += length + space
    legend = _blank(y + LINE)
    pen = ImageDraw.Draw(legend)
    for (x, y), colour, text in zip(places, kinds, words, strict=True):
        pen.rectangle((x, y + 3, x + side - 1, y + 2 + side), tuple(colour.tolist()))
        write(legend, (x + side + 4, y + 1), text, SMALL, PALE)
    return legend
