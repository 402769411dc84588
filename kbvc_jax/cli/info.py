"""`kbvc info FILE`: what a stream says of itself, without JAX."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbvc_jax.codec.schedule import hierarchy
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.coding.header import VERSION
from kbvc_jax.coding.limits import UNLIMITED, Limits
from kbvc_jax.models.codecs.numbers import name_of
from kbvc_jax.rate import number_of
from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.progress import kilobits_per_second


def register(commands) -> None:
    parser = commands.add_parser(
        "info",
        help="what a .kbvc file holds",
        usage="kbvc info [--json] FILE",
        description="Print what a .kbvc file says of itself.",
    )
    parser.add_argument("file", metavar="FILE", help=".kbvc file")
    parser.add_argument("--json", action="store_true", help="as JSON, with every group of pictures")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    facts = describe(Path(arguments.file), UNLIMITED)
    print(json.dumps(facts, indent=2) if arguments.json else _text(facts))


def describe(path: Path, limits: Limits) -> dict[str, Any]:
    try:
        with about(path), path.open("rb") as file:
            stream = StreamReader(file, limits)
            header, frames = stream.header, sum(entry.frames for entry in stream.index)
            if not frames or frames < header.frame_count:
                found = f"{frames} of {header.frame_count or 'at least 1'} frames are whole"
                cure = "copy it again, or decode those with kbvc decode --recover"
                raise InputError(f"truncated or damaged; {found}; {cure}")
            groups = [_group(stream, number) for number in range(len(stream.index))]
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror})") from None
    size = path.stat().st_size
    return {
        "file": str(path),
        "bytes": size,
        "version": VERSION,
        "width": header.width,
        "height": header.height,
        "frames": frames,
        "frame_rate": str(header.rate),
        "seconds": float(frames / header.rate),
        "bit_depth": header.bit_depth,
        "chroma": header.chroma,
        "matrix": header.matrix,
        "range": "full" if header.full_range else "limited",
        "gop": header.gop or "auto",
        "quality": None if header.one_rate else number_of(header.quality),
        "model": header.fingerprint.hex(),
        "bits_per_pixel": size * 8 / (frames * header.width * header.height),
        "kilobits_per_second": kilobits_per_second(size, frames, header.rate),
        "frames_by_codec": _totals(groups),
        "groups": groups,
    }


def _group(stream: StreamReader, number: int) -> dict[str, Any]:
    record = stream.record(number)
    depths = hierarchy(record.frames)
    return {
        "first_frame": record.first_frame,
        "frames": record.frames,
        "bytes": stream.index[number].size,
        "quality": number_of(record.quality),
        "closing": "I" if record.alone else f"P {name_of(record.codecs[0])}",
        # The codec of each depth of B-frames, and how many frames it coded.
        "b_frames": [
            {"codec": name_of(number), "frames": len(frames)}
            for frames, number in zip(depths, record.codecs[1:], strict=True)
        ],
        # Of the B-frames, to that of the I-frame: an entry for each depth of the hierarchy.
        "quality_offsets": [offset / 2 for offset in record.level_offsets],
    }


def _totals(groups: Sequence[dict[str, Any]]) -> dict[str, int]:
    totals = Counter(group["closing"] for group in groups)
    for depth in (depth for group in groups for depth in group["b_frames"]):
        totals[f"B {depth['codec']}"] += depth["frames"]
    return dict(totals)


def _text(facts: dict[str, Any]) -> str:
    chroma = "grey" if facts["chroma"] == "400" else ":".join(facts["chroma"])
    rows = {
        "file": facts["file"],
        "size": f"{facts['bytes']:,} bytes, {facts['bits_per_pixel']:.4f} bits a pixel, "
        f"{facts['kilobits_per_second']:.1f} kb/s",
        "video": f"{facts['width']}x{facts['height']}, {facts['frames']} frames at "
        f"{facts['frame_rate']} fps, {facts['seconds']:.2f} s",
        "source": f"{facts['bit_depth']} bit {chroma}, BT.{facts['matrix']}, "
        f"{facts['range']} range",
        "coding": f"{_quality(facts)}, GoP {facts['gop']}, "
        f"{len(facts['groups'])} groups of pictures",
        "codecs": ", ".join(f"{count} {kind}" for kind, count in facts["frames_by_codec"].items()),
        "model": facts["model"],
    }
    return "\n".join(f"{name:8} {value}" for name, value in rows.items())


def _quality(facts: dict[str, Any]) -> str:
    return "one quality" if facts["quality"] is None else f"quality {facts['quality']:g}"
