"""YUV4MPEG2: a line that says what follows, then frames, each behind a line of its own."""

import dataclasses
from fractions import Fraction
from typing import BinaryIO

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.video.colour import Planes
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.raw import read_planes, write_planes

MAGIC = b"YUV4MPEG2"
_LINE = 4096
# Names of 8-bit 4:2:0 also say where the chroma samples sit.
_SITINGS = {
    "420jpeg": "centre",
    "420": "centre",
    "420mpeg2": "left",
    "420paldv": "topleft",
}


def read_header(file: BinaryIO, matrix: str, full_range: bool | None) -> VideoFormat:
    """y4m says nothing of its matrix; its range only as an extension."""
    if file.read(len(MAGIC)) != MAGIC:
        raise InputError("not y4m: it does not start with YUV4MPEG2; name a y4m file")
    fields = _line(file).split(" ")
    found = {field[0]: field[1:] for field in fields[1:] if field and field[0] != "X"}
    extensions = [field[1:] for field in fields[1:] if field.startswith("X")]
    if full_range is None:
        full_range = "COLORRANGE=FULL" in extensions
    try:
        rate = Fraction(*map(int, found.get("F", "25:1").split(":")))
        width, height = int(found["W"]), int(found["H"])
    except (KeyError, ValueError, TypeError, ZeroDivisionError):
        raise InputError(
            "y4m header without a readable size or rate (W, H, F); make it again"
        ) from None
    if found.get("I", "p") not in ("p", "?"):
        raise InputError("interlaced y4m; deinterlace it first")
    chroma, depth, siting = _colour_space(found.get("C", "420"))
    return VideoFormat(width, height, rate, matrix, full_range, depth, chroma, siting)


def read_frame(file: BinaryIO, format: VideoFormat) -> Planes | None:
    line = _line(file)
    if not line:
        return None
    if not line.startswith("FRAME"):
        raise InputError("damaged y4m: no FRAME line where one should be; make or copy it again")
    planes = read_planes(file, format)
    if planes is None:
        raise InputError("cut off within a frame; make or copy it again")
    return planes


def expressible(format: VideoFormat) -> VideoFormat:
    """Beyond 8 bits there is no word for where chroma sits."""
    return dataclasses.replace(format, siting="left") if format.bit_depth > 8 else format


def header(format: VideoFormat) -> bytes:
    name = {"400": "mono"}.get(format.chroma, format.chroma)
    if format.bit_depth == 10:
        name += "10" if format.chroma == "400" else "p10"
    elif format.chroma == "420":
        name = next(key for key, siting in _SITINGS.items() if siting == format.siting)
    limits = "FULL" if format.full_range else "LIMITED"
    return (
        f"YUV4MPEG2 W{format.width} H{format.height} "
        f"F{format.rate.numerator}:{format.rate.denominator} Ip A1:1 C{name} "
        f"XCOLORRANGE={limits}\n"
    ).encode()


def write_frame(file: BinaryIO, planes: Planes, format: VideoFormat) -> None:
    file.write(b"FRAME\n")
    write_planes(file, planes, format)


def _colour_space(name: str) -> tuple[str, int, str]:
    if name in _SITINGS:
        return "420", 8, _SITINGS[name]
    depth = 10 if name.endswith("10") else 8
    chroma = {"mono": "400"}.get(name.removesuffix("10").removesuffix("p"))
    chroma = chroma or name.removesuffix("p10")
    if chroma not in ("420", "422", "444", "400"):
        raise InputError(
            f"y4m colour space C{name}: only 420, 422, 444 and mono of 8 or 10 bits are read; "
            "convert it"
        )
    return chroma, depth, "left"


def _line(file: BinaryIO) -> str:
    line = file.readline(_LINE)
    if line and not line.endswith(b"\n"):
        raise InputError("damaged y4m: a header line does not end; make or copy it again")
    return line.decode("ascii", "replace").rstrip("\n")
