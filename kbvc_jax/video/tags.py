"""What a frame that FFmpeg decoded says of its samples."""

import re
from fractions import Fraction

from av import logging
from av.filter.graph import Graph
from av.video.frame import VideoFrame

from kbvc_jax.runtime.errors import InputError

# FFmpeg's numbers for colour matrices and ranges, and its names of sitings.
_MATRICES = {1: "709", 5: "601", 6: "601", 9: "2020"}
_UNTAGGED, _FULL = (2, 3), 2
_SITINGS = {"left": "left", "center": "centre", "topleft": "topleft"}
# Pixel formats that are read as they are: chroma format and bit depth.
PLANAR = {
    f"yuv{j}{chroma}p{depth}": (chroma, 10 if depth else 8)
    for chroma in ("420", "422", "444")
    for j in ("", "j")
    for depth in ("", "10le")
} | {"gray": ("400", 8), "gray10le": ("400", 10)}


def matrix_of(frame: VideoFrame) -> str:
    tag = int(frame.colorspace)
    if tag not in _MATRICES and tag not in _UNTAGGED:
        raise InputError(
            f"its colour matrix (number {tag} of H.273) is none of BT.601, 709 and 2020; convert "
            "it, or say with --matrix which to take it for"
        )
    return _MATRICES.get(tag, "709")


def is_full_range(frame: VideoFrame) -> bool:
    return frame.color_range == _FULL or frame.format.name.startswith("yuvj")


def siting_of(frame: VideoFrame) -> str:
    """PyAV does not hand on where chroma sits; FFmpeg's own description of a frame does."""
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1),
        ),
        graph.add("showinfo", "checksum=0"),
        graph.add("buffersink"),
    ).configure()
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        with logging.Capture() as lines:
            graph.push(frame)
            graph.pull()
    finally:
        logging.set_level(level)
    found = re.search(r" cl:(\w+)", "".join(text for _, _, text in lines))
    return _SITINGS.get(found[1], "left") if found else "left"


def nearest_format(frame: VideoFrame, rgb: bool) -> str:
    """The frame's own pixel format, or the nearest one that is read."""
    format, deep = frame.format, any(part.bits > 8 for part in frame.format.components)
    if format.name == "gbrp10le" or format.name in PLANAR and not rgb:
        return format.name
    if rgb or format.is_rgb or format.name == "pal8":
        return "rgb48le" if deep else "rgb24"
    if sum(not part.is_alpha for part in format.components) == 1:
        return "gray10le" if deep else "gray"
    # What has more chroma than a format that is read goes to the next with as much.
    halved = format.chroma_width(64) < 64, format.chroma_height(64) < 64
    chroma = {(True, True): "420", (True, False): "422"}.get(halved, "444")
    j = "j" if format.name.startswith("yuvj") else ""
    return f"yuv{j}{chroma}p{'10le' if deep else ''}"
