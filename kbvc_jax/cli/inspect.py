"""`kbvc inspect FILE --frame N OUT.png`: what a stream says of one frame, as a sheet of panels."""

import argparse
import json
from pathlib import Path
from typing import Any

from kbvc_jax.cli import arguments as kinds
from kbvc_jax.cli.info import describe
from kbvc_jax.coding.limits import USUAL
from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.output import whole_file


def register(commands) -> None:
    parser = commands.add_parser(
        "inspect",
        help="what one frame of a .kbvc file is made of, as a picture",
        usage="kbvc inspect [options] FILE --frame N OUT.png",
        description="Draw what a .kbvc file says of one frame: bits by position of each latent, "
        "and what the frame's codec has to show, as motion, modes, kernels.",
    )
    files = parser.add_argument_group("files")
    files.add_argument("file", metavar="FILE", help=".kbvc file")
    files.add_argument("target", metavar="OUT.png", help="the sheet")
    decoding = parser.add_argument_group("decoding")
    decoding.add_argument(
        "--frame", type=kinds.index, required=True, metavar="N", help="counted from 0"
    )
    kinds.add_checkpoint(decoding)
    output = parser.add_argument_group("output")
    output.add_argument("-y", "--overwrite", action="store_true", help="replace what is there")
    output.add_argument("--json", action="store_true", help="print the numbers, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    target = arguments.target
    if Path(target).suffix.lower() != ".png":
        raise InputError(f"{target}: a sheet is a PNG; name a file that ends in .png")
    # Damage is found before JAX has started.
    path, number = Path(arguments.file), arguments.frame
    frames = describe(path, USUAL)["frames"]
    if number >= frames:
        raise InputError(f"{path}: no frame {number}; it has 0 to {frames - 1}")
    # And an output that cannot be written, before anything is decoded.
    with whole_file(target, arguments.overwrite) as file:
        import kbvc_jax
        from kbvc_jax.runtime.backend import start_backend

        start_backend()
        codec = kbvc_jax.load(arguments.checkpoint)
        with kbvc_jax.open_stream(path) as stream, about(path):
            inspected = codec.inspect_stream(stream, number)
        peak = 2**stream.header.bit_depth - 1
        _draw(inspected, path.name, peak).save(file, "png")
    if arguments.json:
        print(json.dumps({"file": str(path), **_facts(inspected.coded)}, indent=2))


def _facts(coded: Any) -> dict[str, Any]:
    return {
        "frame": coded.number,
        "codec": coded.codec,
        "depth": coded.depth,
        "level": coded.level,
        "references": coded.references,
        "quality": coded.quality,
        "bytes": coded.bytes,
        "bits": coded.total,
    }


def _draw(inspected: Any, name: str, peak: int) -> Any:
    from PIL import Image

    from kbvc_jax.inspection.sheet import draw_sheet
    from kbvc_jax.models.codecs import panels
    from kbvc_jax.models.codecs.contract import Size

    coded = inspected.coded
    bits = {
        f"{latent}: {own.sum():,.0f} bits": panels.Bits(own) for latent, own in coded.bits.items()
    }
    frame = {"frame": panels.Image(coded.frame / peak)}
    size = Size(*coded.frame.shape[:2])
    parts = [frame | bits, inspected.panels]
    return Image.fromarray(draw_sheet(_title(coded, name), parts, size))


def _title(coded: Any, name: str) -> list[str]:
    sides = " and ".join(map(str, coded.references))
    facts = [
        f"codec {coded.codec}",
        f"depth {coded.depth}, level {coded.level}",
        f"refers to {sides}" if sides else "refers to none",
        f"quality {coded.quality:g}",
        f"{coded.bytes:,.0f} bytes",
    ]
    return [f"{name}, frame {coded.number}", "  |  ".join(facts)]
